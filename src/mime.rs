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
