//! Media types by file name, as the original's two tables have them.
//!
//! Files are *sent* with the older table of Express's `send` module ([`content_type`]); decisions such as "is this an
//! image" use the newer mime-types 3 table ([`media_type`]). Both are `mime_guess` with the differences listed below,
//! as `type:extension,extension` words.

/// What [`content_type`] answers for names it does not know.
const UNKNOWN: &str = "application/octet-stream";

/// Where the `send` table differs from `mime_guess`.
const SEND: &str = "\
    application/ecmascript:ecma application/java-vm:class application/javascript:js application/json:map \
    application/mp4:m4p application/octet-stream:dll application/pkix-cert:cer application/pls+xml:pls \
    application/rls-services+xml:rs application/smil+xml:smi \
    application/vnd.adobe.air-application-installer-package+zip:air \
    application/vnd.anser-web-certificate-issue-initiation:cii \
    application/vnd.anser-web-funds-transfer-initiation:fti application/vnd.apple.mpegurl:m3u8 \
    application/vnd.cluetrust.cartomobile-config-pkg:c11amz application/vnd.ctc-posml:pml \
    application/vnd.dvb.service:svc application/vnd.koan:skp \
    application/vnd.llamagraphics.life-balance.desktop:lbd \
    application/vnd.llamagraphics.life-balance.exchange+xml:lbe application/vnd.ms-cab-compressed:cab \
    application/vnd.ms-excel.addin.macroenabled.12:xlam \
    application/vnd.ms-excel.sheet.binary.macroenabled.12:xlsb \
    application/vnd.ms-excel.sheet.macroenabled.12:xlsm \
    application/vnd.ms-excel.template.macroenabled.12:xltm \
    application/vnd.ms-powerpoint.addin.macroenabled.12:ppam \
    application/vnd.ms-powerpoint.presentation.macroenabled.12:pptm \
    application/vnd.ms-powerpoint.slide.macroenabled.12:sldm \
    application/vnd.ms-powerpoint.slideshow.macroenabled.12:ppsm \
    application/vnd.ms-powerpoint.template.macroenabled.12:potm \
    application/vnd.ms-word.document.macroenabled.12:docm \
    application/vnd.ms-word.template.macroenabled.12:dotm \
    application/vnd.oasis.opendocument.chart-template:otc \
    application/vnd.oasis.opendocument.formula-template:odft \
    application/vnd.oasis.opendocument.graphics-template:otg \
    application/vnd.oasis.opendocument.image-template:oti \
    application/vnd.oasis.opendocument.presentation-template:otp \
    application/vnd.oasis.opendocument.spreadsheet-template:ots \
    application/vnd.openxmlformats-officedocument.presentationml.presentation:pptx \
    application/vnd.openxmlformats-officedocument.presentationml.slide:sldx \
    application/vnd.openxmlformats-officedocument.presentationml.slideshow:ppsx \
    application/vnd.openxmlformats-officedocument.presentationml.template:potx \
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet:xlsx \
    application/vnd.openxmlformats-officedocument.spreadsheetml.template:xltx \
    application/vnd.openxmlformats-officedocument.wordprocessingml.document:docx \
    application/vnd.openxmlformats-officedocument.wordprocessingml.template:dotx \
    application/vnd.quark.quarkxpress:qxd application/vnd.rim.cod:cod application/vnd.smaf:mmf \
    application/vnd.yamaha.openscoreformat.osfpvg+xml:osfpvg application/wsdl+xml:wsdl \
    application/x-authorware-bin:u32 application/x-conference:nsc application/x-envoy:evy \
    application/x-font-type1:afm,pfb,pfm application/x-futuresplash:spl application/x-lzh-compressed:lzh \
    application/x-msmetafile:emz application/x-netcdf:cdf application/x-redhat-package-manager:rpm \
    application/x-sea:sea application/xml:xml,xsd,xsl application/xml-dtd:dtd application/xslt+xml:xslt \
    audio/adpcm:adp audio/midi:mid,midi,rmi audio/mp4:m4a audio/x-aac:aac audio/x-aiff:aif,aifc,aiff \
    audio/x-flac:flac audio/x-pn-realaudio-plugin:rmp font/otf:otf font/woff:woff \
    image/vnd.adobe.photoshop:psd image/vnd.dwg:dwg image/vnd.dxf:dxf image/x-pcx:pcx \
    image/x-pict:pct,pic model/vnd.dwf:dwf model/vnd.mts:mts model/vrml:wrl text/cache-manifest:manifest \
    text/hjson:hjson text/jsx:jsx text/troff:man,me,ms,roff,t,tr text/x-asm:asm,s \
    text/x-c:c,cc,cpp,cxx,h,hh text/x-java-source:java text/x-vcalendar:vcs text/yaml:yaml,yml \
    video/mp2t:ts";

/// Extensions `mime_guess` knows and the `send` table does not.
const SEND_UNKNOWN: &str = "\
    323 3gp2 aa aaf aax ac3 aca accda accdb accdc accde accdr accdt accdw accft acx addin ade \
    adobebridge adt adts amc anx art arw asa asax ascx asd ashx asi asmx aspx asr avif avifs axa axs axv \
    bas calx cd cdda cfg cmd cnf config contact coverage cr2 cr3 crw cs csdproj csl csproj cur dat \
    datasource dbproj dgml dib dif disco divx dll.config dlm dng dsp dsw dtsconfig dv dwp erf es etl \
    exe.config feature fif filters fla flr fsscript fsx gemini generictest gmi group gsm hdml hdr heic \
    heics heif heifs hhc hhk hhp hpp hta htt hxa hxc hxd hxe hxf hxh hxi hxk hxq hxr hxs hxt hxv hxw hxx \
    i idl iii inc inf inl ins ipa ipg ipproj ipsw iqy isp ite itlp itms itpc ivf jck jcz jfif jpb jsm \
    jsxbin jxl k25 kdc library-ms lit loadtest lpk lsf lst lsx m2t m2ts m4b m4r mac mak master mda mde \
    mdp mfp mht mhtml mix mk mno mod mp2v mpa mpf mpv2 mqv mrw mso mtx mvc mxp nef nq nrw nt nws ocx odh \
    odl one onea opus orderedtest orf osdx parquet pcast pcz pef pict pkgdef pkgundef pko pma pmc pmr \
    pmw pnt pntg pnz ppa prm prx psc1 psess psm psp pst pwz py qht qhtm qti qtif qtl raf rat raw rc rc2 \
    rct rdlc reg resx rf rgs rqy ruleset rvt rw2 rwl safariextz scr sct sd2 settings sgimb shex sitemap \
    skin slk sln slupkg-ms smd smx smz snippet snp sol sor sr2 srf ssisdeploymentmanifest ssm sst step \
    stp testrunconfig testsettings tgz thn tlh tli toc toml trig trx tts u8dsn u8hdr u8mdn u8msg uls \
    user vb vbdproj vbk vbproj vbs vcproj vcxproj vddproj vdp vdproj vdx vml vscontent vsct vsi vsix \
    vsixlangpack vsixmanifest vsmdi vspscc vsscc vssettings vssscc vstemplate vsto vsx vtx wave wbk \
    webarchive webtest wiq wiz wlmp wlpginstall wlpginstall3 wmp wrz wsc x x3f xaf xdr xld xlk xll xmp \
    xmta xof xoml xrm-ms xsc xsf xsn xss xtp z";

/// Where mime-types 3 differs from `mime_guess` on an image, audio or video type.
const MEDIA: &str = "\
    application/mp4:m4p application/pls+xml:pls application/vnd.apple.mpegurl:m3u8 \
    application/vnd.rim.cod:cod application/x-conference:nsc application/x-redhat-package-manager:rpm \
    audio/adpcm:adp audio/amr:amr audio/midi:mid,midi,rmi audio/mobile-xmf:mxmf audio/mp4:m4a,m4b \
    audio/x-aiff:aif,aifc,aiff audio/x-flac:flac audio/x-pn-realaudio-plugin:rmp image/aces:exr \
    image/avci:avci image/avcs:avcs image/dicom-rle:drle image/dpx:dpx image/emf:emf image/fits:fits \
    image/hej2k:hej2 image/jaii:jaii image/jais:jais image/jls:jls image/jph:jph image/jphc:jhc \
    image/jpm:jpgm image/jxr:jxr image/jxra:jxra image/jxrs:jxrs image/jxs:jxs image/jxsc:jxsc \
    image/jxsi:jxsi image/jxss:jxss image/ktx2:ktx2 image/pjpeg:jfif image/prs.btif:btf \
    image/prs.pti:pti image/t38:t38 image/tiff-fx:tfx image/vnd.adobe.photoshop:psd \
    image/vnd.airzip.accelerator.azv:azv image/vnd.dwg:dwg image/vnd.dxf:dxf \
    image/vnd.microsoft.icon:ico image/vnd.ms-dds:dds image/vnd.pco.b16:b16 image/vnd.tencent.tap:tap \
    image/vnd.valve.source.texture:vtf image/vnd.zbrush.pcx:pcx image/wmf:wmf image/x-pict:pct,pic \
    video/iso.segment:m4s video/mp2t:m2t,m2ts,mts,ts";

/// Media extensions `mime_guess` knows and mime-types 3 does not.
const MEDIA_UNKNOWN: &str = "\
    3gp2 aa aax ac3 adt art arw asr avifs axa axv cdda cr2 cr3 crw dif divx dv gsm hdr ivf k25 kdc lsf \
    lsx m4r mac mod mp2v mpa mpv2 mqv mrw nef nrw orf pef pict pnt pntg pnz qti qtif raf raw rf rw2 rwl \
    sd2 smd smx smz sr2 tts vbk wave wmp x3f";

/// What [`extension`] answers.
const EXTENSIONS: &str = "\
    application/json:json application/mp4:mp4 application/octet-stream:bin application/ogg:ogx \
    audio/3gpp:3gpp audio/aac:adts audio/adpcm:adp audio/amr:amr audio/basic:au audio/midi:mid \
    audio/mobile-xmf:mxmf audio/mp3:mp3 audio/mp4:m4a audio/mpeg:mpga audio/ogg:oga audio/s3m:s3m \
    audio/silk:sil audio/vnd.dece.audio:uva audio/vnd.digital-winds:eol audio/vnd.dra:dra \
    audio/vnd.dts.hd:dtshd audio/vnd.dts:dts audio/vnd.lucent.voice:lvp \
    audio/vnd.ms-playready.media.pya:pya audio/vnd.nuera.ecelp4800:ecelp4800 \
    audio/vnd.nuera.ecelp7470:ecelp7470 audio/vnd.nuera.ecelp9600:ecelp9600 audio/vnd.rip:rip \
    audio/wav:wav audio/wave:wav audio/webm:weba audio/x-aac:aac audio/x-aiff:aif audio/x-caf:caf \
    audio/x-flac:flac audio/x-m4a:m4a audio/x-matroska:mka audio/x-mpegurl:m3u audio/x-ms-wax:wax \
    audio/x-ms-wma:wma audio/x-pn-realaudio-plugin:rmp audio/x-pn-realaudio:ram audio/x-realaudio:ra \
    audio/x-wav:wav audio/xm:xm image/aces:exr image/apng:apng image/avci:avci image/avcs:avcs \
    image/avif:avif image/bmp:bmp image/cgm:cgm image/dicom-rle:drle image/dpx:dpx image/emf:emf \
    image/fits:fits image/g3fax:g3 image/gif:gif image/heic-sequence:heics image/heic:heic \
    image/heif-sequence:heifs image/heif:heif image/hej2k:hej2 image/ief:ief image/jaii:jaii \
    image/jais:jais image/jls:jls image/jp2:jp2 image/jpeg:jpg image/jph:jph image/jphc:jhc \
    image/jpm:jpm image/jpx:jpx image/jxl:jxl image/jxr:jxr image/jxra:jxra image/jxrs:jxrs \
    image/jxs:jxs image/jxsc:jxsc image/jxsi:jxsi image/jxss:jxss image/ktx2:ktx2 image/ktx:ktx \
    image/pjpeg:jfif image/png:png image/prs.btif:btif image/prs.pti:pti image/sgi:sgi image/svg+xml:svg \
    image/t38:t38 image/tiff-fx:tfx image/tiff:tif image/vnd.adobe.photoshop:psd \
    image/vnd.airzip.accelerator.azv:azv image/vnd.dece.graphic:uvi image/vnd.djvu:djvu \
    image/vnd.dvb.subtitle:sub image/vnd.dwg:dwg image/vnd.dxf:dxf image/vnd.fastbidsheet:fbs \
    image/vnd.fpx:fpx image/vnd.fst:fst image/vnd.fujixerox.edmics-mmr:mmr \
    image/vnd.fujixerox.edmics-rlc:rlc image/vnd.microsoft.icon:ico image/vnd.ms-dds:dds \
    image/vnd.ms-modi:mdi image/vnd.ms-photo:wdp image/vnd.net-fpx:npx image/vnd.pco.b16:b16 \
    image/vnd.tencent.tap:tap image/vnd.valve.source.texture:vtf image/vnd.wap.wbmp:wbmp \
    image/vnd.xiff:xif image/vnd.zbrush.pcx:pcx image/webp:webp image/wmf:wmf image/x-3ds:3ds \
    image/x-adobe-dng:dng image/x-cmu-raster:ras image/x-cmx:cmx image/x-freehand:fh image/x-icon:ico \
    image/x-jng:jng image/x-mrsid-image:sid image/x-ms-bmp:bmp image/x-pcx:pcx image/x-pict:pic \
    image/x-portable-anymap:pnm image/x-portable-bitmap:pbm image/x-portable-graymap:pgm \
    image/x-portable-pixmap:ppm image/x-rgb:rgb image/x-tga:tga image/x-xbitmap:xbm image/x-xpixmap:xpm \
    image/x-xwindowdump:xwd text/plain:txt video/3gpp2:3g2 video/3gpp:3gp video/h261:h261 \
    video/h263:h263 video/h264:h264 video/iso.segment:m4s video/jpeg:jpgv video/jpm:jpm video/mj2:mj2 \
    video/mp2t:ts video/mp4:mp4 video/mpeg:mpeg video/ogg:ogv video/quicktime:qt video/vnd.dece.hd:uvh \
    video/vnd.dece.mobile:uvm video/vnd.dece.pd:uvp video/vnd.dece.sd:uvs video/vnd.dece.video:uvv \
    video/vnd.dvb.file:dvb video/vnd.fvt:fvt video/vnd.mpegurl:mxu video/vnd.ms-playready.media.pyv:pyv \
    video/vnd.uvvu.mp4:uvu video/vnd.vivo:viv video/webm:webm video/x-f4v:f4v video/x-fli:fli \
    video/x-flv:flv video/x-m4v:m4v video/x-matroska:mkv video/x-mng:mng video/x-ms-asf:asf \
    video/x-ms-vob:vob video/x-ms-wm:wm video/x-ms-wmv:wmv video/x-ms-wmx:wmx video/x-ms-wvx:wvx \
    video/x-msvideo:avi video/x-sgi-movie:movie video/x-smv:smv";

/// The `Content-Type` a file is sent with, charset included, by the part of `name` after its last dot.
pub fn content_type(name: &str) -> String {
    let extension = name
        .rsplit(['.', '/', '\\'])
        .next()
        .unwrap_or("")
        .to_ascii_lowercase();
    let media = lookup(&extension, SEND, SEND_UNKNOWN).unwrap_or(UNKNOWN);
    let is_text = ["text/", "application/javascript", "application/json"]
        .iter()
        .any(|p| media.starts_with(p));
    if is_text {
        format!("{media}; charset=UTF-8")
    } else {
        media.to_owned()
    }
}

/// The media type of a file name for decisions on images, audio and video; `None` when unknown.
///
/// A name without a dot is looked up whole (`png` is an image), as the original's `mime.lookup` does.
pub fn media_type(name: &str) -> Option<&'static str> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or("");
    let extension = base.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    lookup(&extension, MEDIA, MEDIA_UNKNOWN)
}

/// Whether a browser that is sent to a file of this type may run what is in it: pages, anything of XML (which may hold
/// XHTML), and documents with scripts.
pub fn is_active(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or("").trim();
    let is_xml = ["+xml", "/xml", "/xml-dtd"]
        .iter()
        .any(|end| media.ends_with(end));
    is_xml
        || [
            "text/html",
            "text/xsl",
            "text/mathml",
            "application/pdf",
            "application/x-shockwave-flash",
            "multipart/x-mixed-replace",
            "message/rfc822",
        ]
        .contains(&media)
}

/// The extension that a file of this type gets, as mime-types 3 prefers it; `None` for a type that is neither picture nor
/// sound nor film. Parameters of the type do not count.
pub fn extension(media_type: &str) -> Option<&'static str> {
    let media = media_type.trim_start();
    let end = media.find(|c: char| c == ';' || c.is_whitespace());
    let media = media[..end.unwrap_or(media.len())].to_ascii_lowercase();
    let mut words = EXTENSIONS
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once(':'));
    words
        .find(|(known, _)| *known == media)
        .map(|(_, extension)| extension)
}

/// Whether a file name is an image by [`media_type`].
pub fn is_image(name: &str) -> bool {
    media_type(name).is_some_and(|media| media.starts_with("image/"))
}

fn lookup(extension: &str, overrides: &'static str, unknown: &str) -> Option<&'static str> {
    if extension.is_empty() || unknown.split_ascii_whitespace().any(|known| known == extension) {
        return None;
    }
    overrides
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once(':'))
        .find(|(_, extensions)| extensions.split(',').any(|known| known == extension))
        .map(|(media, _)| media)
        .or_else(|| mime_guess::from_ext(extension).first_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sent_with_the_older_table() {
        let cases = [
            ("a.js", "application/javascript; charset=UTF-8"),
            ("a.mjs", "application/javascript; charset=UTF-8"),
            ("a.css", "text/css; charset=UTF-8"),
            ("a.HTML", "text/html; charset=UTF-8"),
            ("a.json", "application/json; charset=UTF-8"),
            ("a.map", "application/json; charset=UTF-8"),
            ("a.md", "text/markdown; charset=UTF-8"),
            ("a.yaml", "text/yaml; charset=UTF-8"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.jpg", "image/jpeg"),
            ("a.bmp", "image/bmp"),
            ("a.webp", "image/webp"),
            ("a.apng", "image/apng"),
            ("a.avif", UNKNOWN),
            ("a.ico", "image/x-icon"),
            ("a.mp4", "video/mp4"),
            ("a.webm", "video/webm"),
            ("a.mp3", "audio/mpeg"),
            ("a.ogg", "audio/ogg"),
            ("a.wav", "audio/wav"),
            ("a.flac", "audio/x-flac"),
            ("a.woff2", "font/woff2"),
            ("a.ttf", "font/ttf"),
            ("a.wasm", "application/wasm"),
            ("a.xml", "application/xml"),
            ("a.jsonl", UNKNOWN),
            ("README", UNKNOWN),
        ];
        for (name, expected) in cases {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }

    #[test]
    fn pages_and_whatever_may_hold_one_are_active() {
        for name in [
            "a.html", "a.htm", "a.xhtml", "a.svg", "a.xml", "a.xsl", "a.xslt", "a.rdf", "a.atom", "a.mml",
            "a.pdf", "a.swf",
        ] {
            assert!(is_active(&content_type(name)), "{name}: {}", content_type(name));
        }
        for name in [
            "a.png", "a.webp", "a.json", "a.js", "a.css", "a.txt", "a.mp4", "a.woff2", "README",
        ] {
            assert!(!is_active(&content_type(name)), "{name}: {}", content_type(name));
        }
    }

    #[test]
    fn types_have_an_extension() {
        for (media, expected) in [
            ("audio/mpeg", Some("mpga")),
            (" Audio/WAV;codecs=1", Some("wav")),
            ("image/jpeg", Some("jpg")),
            ("image/png x", Some("png")),
            ("video/mp4", Some("mp4")),
            ("application/octet-stream", Some("bin")),
            ("image", None),
            ("", None),
            ("audio/nonsense", None),
        ] {
            assert_eq!(extension(media), expected, "{media}");
        }
    }

    #[test]
    fn decisions_use_the_newer_table() {
        let cases = [
            ("a.avif", Some("image/avif")),
            ("a.apng", Some("image/apng")),
            ("a.mkv", Some("video/x-matroska")),
            ("dir/a.PNG", Some("image/png")),
            ("png", Some("image/png")),
            ("a.nef", None),
            ("a.unheardof", None),
        ];
        for (name, expected) in cases {
            assert_eq!(media_type(name), expected, "{name}");
        }
        assert!(is_image("x.jfif") && !is_image("x.txt"));
    }
}
