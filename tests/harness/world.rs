//! The whole internet on loopback: a proxy that plays every host, over TLS where it is asked to, answers from a table
//! and records what reaches it.
//!
//! A server goes there with [`World::config`] in its `config.yaml`, and trusts it with [`World::authority`] in
//! `NODE_EXTRA_CA_CERTS`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::authority::Authority;
use super::sites::{Body, Reply, Request, Sites};

/// The first byte of a handshake.
const TLS: u8 = 0x16;

/// A running world; ends with the value.
pub struct World {
    address: SocketAddr,
    folder: tempfile::TempDir,
    requests: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Host {
    sites: Sites,
    requests: Arc<Mutex<Vec<Request>>>,
    authority: Arc<Authority>,
}

impl World {
    /// Starts listening, with a certificate authority of its own.
    pub async fn start(sites: &Sites) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::at(listener, sites)
    }

    /// As [`start`](Self::start), at a given address: also for those who take it for the host itself, by a name that leads
    /// there.
    pub fn at(listener: TcpListener, sites: &Sites) -> Self {
        let (authority, pem) = Authority::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), pem).expect("our own folder");
        let address = listener.local_addr().expect("a bound socket");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let host = Host {
            sites: sites.clone(),
            requests: requests.clone(),
            authority: Arc::new(authority),
        };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let host = host.clone();
                // A client that goes away is its own business.
                tokio::spawn(async move { host.serve(stream).await.ok() });
            }
        });
        Self {
            address,
            folder,
            requests,
            task,
        }
    }

    /// Where it listens, as the address of a proxy.
    pub fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The section of a `config.yaml` that sends every request here; two hosts are left out, as a list shorter than
    /// the original's own would be filled up with `localhost`.
    pub fn config(&self) -> String {
        format!(
            "requestProxy:\n  enabled: true\n  url: {}\n  bypass: [bypassed.example, bypassed.invalid]\n",
            self.proxy()
        )
    }

    /// The PEM file of the authority that signs every host's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Takes the requests recorded so far.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().expect("no holder panics"))
    }
}

impl Host {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first == [TLS] {
            return self.serve_itself(stream).await;
        }
        let (head, rest) = read_head(&mut stream).await?;
        let Some(target) = head.strip_prefix("CONNECT ") else {
            return self.exchange(stream, "", head, rest).await;
        };
        let target = target.split(' ').next().unwrap_or_default();
        stream
            .write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            .await?;
        let name = target.rsplit_once(':').map_or(target, |(name, _)| name);
        let acceptor = TlsAcceptor::from(self.authority.certificate(name));
        let mut secure = acceptor.accept(stream).await?;
        let origin = format!("https://{}", target.strip_suffix(":443").unwrap_or(target));
        let (head, rest) = read_head(&mut secure).await?;
        self.exchange(secure, &origin, head, rest).await
    }

    /// As the host that the client names in its handshake.
    async fn serve_itself(&self, stream: TcpStream) -> io::Result<()> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let name = hello.client_hello().server_name().unwrap_or_default().to_owned();
        let mut secure = hello.into_stream(self.authority.certificate(&name)).await?;
        let (head, rest) = read_head(&mut secure).await?;
        self.exchange(secure, &format!("https://{name}"), head, rest)
            .await
    }

    /// One request, whose target gets `origin` before it, and its answer.
    async fn exchange(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        origin: &str,
        head: String,
        rest: Vec<u8>,
    ) -> io::Result<()> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let method = first.next().unwrap_or_default().to_owned();
        let url = format!("{origin}{}", first.next().unwrap_or_default());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut request = Request {
            method,
            url,
            headers,
            body: rest,
        };
        read_body(&mut stream, &mut request).await?;
        self.requests
            .lock()
            .expect("no holder panics")
            .push(request.clone());
        write(&mut stream, self.sites.reply(&request)).await?;
        stream.shutdown().await
    }
}

/// Reads up to the blank line; answers the head without it, and what came after it.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(String, Vec<u8>)> {
    let mut raw = Vec::new();
    loop {
        if let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = raw.split_off(end + 4);
            raw.truncate(end);
            return Ok((raw.into_iter().map(char::from).collect(), rest));
        }
        read_more(stream, &mut raw).await?;
    }
}

/// Completes a body of which `request` has the start.
async fn read_body(stream: &mut (impl AsyncRead + Unpin), request: &mut Request) -> io::Result<()> {
    if request.header("transfer-encoding").is_none() {
        let length = request.header("content-length").map(str::parse);
        let length = length.and_then(Result::ok).unwrap_or(0);
        while request.body.len() < length {
            read_more(stream, &mut request.body).await?;
        }
        return Ok(());
    }
    let mut coded = std::mem::take(&mut request.body);
    loop {
        let Some(end) = coded.windows(2).position(|window| window == b"\r\n") else {
            read_more(stream, &mut coded).await?;
            continue;
        };
        let digits = String::from_utf8_lossy(&coded[..end]).into_owned();
        let size = usize::from_str_radix(digits.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
        while coded.len() < end + 2 + size + 2 {
            read_more(stream, &mut coded).await?;
        }
        request.body.extend_from_slice(&coded[end + 2..end + 2 + size]);
        coded.drain(..end + 2 + size + 2);
        if size == 0 {
            return Ok(());
        }
    }
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(into).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), reply: Reply) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let coding = match &reply.body {
        Body::HangUp => return Ok(()),
        Body::Whole(bytes) => format!("Content-Length: {}", bytes.len()),
        Body::Cut(bytes) => format!("Content-Length: {}", bytes.len() + 1000),
        Body::Pieces(_) => "Transfer-Encoding: chunked".to_owned(),
    };
    head.push_str(&coding);
    head.push_str("\r\n\r\n");
    let head: Vec<u8> = head.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    stream.write_all(&head).await?;
    match reply.body {
        Body::Whole(bytes) | Body::Cut(bytes) => stream.write_all(&bytes).await?,
        Body::Pieces(pieces) => {
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                let size = format!("{:x}\r\n", piece.len());
                stream
                    .write_all(&[size.as_bytes(), piece, b"\r\n"].concat())
                    .await?;
                stream.flush().await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Body::HangUp => {}
    }
    stream.flush().await
}
