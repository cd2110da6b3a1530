//! The server that calls go to: it keeps connections and gives every request the same reply.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use crate::material::REPLY;

/// How long the TLS server takes for an answer.
pub const DELAY: Duration = Duration::from_millis(50);

/// A server on a thread of its own, which ends with the process.
pub struct Server {
    /// Host and port.
    pub address: String,
    /// Of the TLS server.
    pub root: Option<Root>,
}

/// The certificate that clients have to trust.
pub struct Root {
    pub pem: String,
    /// The file that holds it, for the workers.
    pub file: PathBuf,
}

impl Server {
    /// Answers at once, without TLS.
    pub fn plain() -> Self {
        Self { address: start(None), root: None }
    }

    /// Answers after [`DELAY`], over TLS. Writes its certificate to `file`.
    pub fn tls(file: PathBuf) -> Self {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![own.cert.der().clone()], key).expect("a key of the certificate");
        let pem = own.cert.pem();
        fs::write(&file, &pem).expect("a file of the certificate");
        Self { address: start(Some(TlsAcceptor::from(Arc::new(config)))), root: Some(Root { pem, file }) }
    }

    pub fn url(&self) -> String {
        let scheme = if self.root.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.address)
    }
}

/// A runtime of one thread, so that no time goes into threads that look for work.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn start(tls: Option<TlsAcceptor>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket option");
    let address = listener.local_addr().expect("an address").to_string();
    let accept = async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a socket option");
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, None).await,
                    Some(tls) => serve(tls.accept(stream).await.expect("a handshake"), Some(DELAY)).await,
                }
            });
        }
    };
    thread::spawn(move || runtime().block_on(accept));
    address
}

/// Answers until the other side closes.
async fn serve(mut connection: impl AsyncRead + AsyncWrite + Unpin, delay: Option<Duration>) {
    let length = REPLY.len();
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{REPLY}");
    let mut buffer = Vec::new();
    // A connection that a client drops ends the read or the write.
    while let Ok(1..) = connection.read_buf(&mut buffer).await {
        while let Some(end) = request_end(&buffer) {
            buffer.drain(..end);
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            if connection.write_all(reply.as_bytes()).await.is_err() || connection.flush().await.is_err() {
                return;
            }
        }
    }
}

/// Where the first request in the buffer ends, once all of it has come.
fn request_end(buffer: &[u8]) -> Option<usize> {
    let head_end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = str::from_utf8(&buffer[..head_end]).expect("an ASCII head");
    let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().expect("a length"))
    });
    let end = head_end + length.unwrap_or(0);
    (buffer.len() >= end).then_some(end)
}
