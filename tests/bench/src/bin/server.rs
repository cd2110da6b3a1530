//! The least server that keeps connections: it reads a request, answers with one of two texts in one write, and reads on.
//! Prints its address; ends with its input.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::SystemTime;

use vod_aigc_bench::material::{ANSWER_ENDED, ANSWER_GOES_ON, GOES_ON};

fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let replies = [ANSWER_ENDED, ANSWER_GOES_ON].map(|body| -> &'static [u8] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: keep-alive\r\n\r\n",
            httpdate::fmt_http_date(SystemTime::now()),
            body.len()
        );
        (head + body).into_bytes().leak()
    });
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let connection = connection.expect("a connection");
            std::thread::spawn(move || serve(connection, replies));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new()).expect("stdin");
}

/// Answers until the other side closes.
fn serve(mut connection: TcpStream, [ended, going_on]: [&'static [u8]; 2]) {
    connection.set_nodelay(true).expect("a socket option");
    let mut buffer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        while let Some(end) = request_end(&buffer) {
            let request = &buffer[..end];
            let goes_on = request.windows(GOES_ON.len()).any(|window| window == GOES_ON.as_bytes());
            if connection.write_all(if goes_on { going_on } else { ended }).is_err() {
                return;
            }
            buffer.drain(..end);
        }
        match connection.read(&mut chunk) {
            Ok(read @ 1..) => buffer.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
}

/// Where the first request in the buffer ends, once all of it has come.
fn request_end(buffer: &[u8]) -> Option<usize> {
    let head_end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..head_end]).expect("an ASCII head");
    let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().expect("a length"))
    });
    let end = head_end + length.unwrap_or(0);
    (buffer.len() >= end).then_some(end)
}
