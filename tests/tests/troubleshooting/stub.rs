//! Servers that do what no real one here can be brought to: refuse everybody, be very old, say nothing.

use std::io::{Read, Write};
use std::net::TcpListener;

/// A server that answers every request with this status and body; its URL.
pub fn answering(status: &'static str, body: &'static str) -> String {
    listening("http", move || {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
        format!("{head}content-length: {}\r\n\r\n{body}", body.len())
    })
}

/// A server that takes connections and says nothing; its URL.
pub fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().map(Result::unwrap).collect::<Vec<_>>());
    url
}

/// A NATS server of another time; its URL.
pub fn nats(version: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let greeting = format!(
        "INFO {{\"server_id\":\"s\",\"server_name\":\"s\",\"version\":\"{version}\",\"proto\":1,\"go\":\"go1\",\
         \"host\":\"127.0.0.1\",\"port\":4222,\"headers\":true,\"max_payload\":1048576,\"jetstream\":true}}\r\n"
    );
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            connection.write_all(greeting.as_bytes()).unwrap();
            let mut request = [0; 4096];
            while let Ok(read @ 1..) = connection.read(&mut request) {
                let pings = request[..read].windows(4).filter(|part| part == b"PING").count();
                if connection.write_all("PONG\r\n".repeat(pings).as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    url
}

fn listening(scheme: &str, answer: impl Fn() -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            // Without a body a request comes in one piece here.
            if connection.read(&mut request).is_ok_and(|read| 0 < read) {
                connection.write_all(answer().as_bytes()).ok();
            }
        }
    });
    url
}
