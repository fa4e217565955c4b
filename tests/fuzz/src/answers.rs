//! Whatever came in, what went out is sound.

use serde_json::Value;

/// Panics where `output` is no answer to anything.
pub fn check(input: &[u8], output: &[u8]) {
    match input.iter().find(|byte| !b" \t\r\n".contains(byte)) {
        Some(b'{' | b'[') => lines(output),
        Some(b'C' | b'c') if !output.starts_with(b"{") => frames(output),
        Some(b'G' | b'H' | b'P' | b'D' | b'O' | b'T') if !output.starts_with(b"{") => http(output),
        // Told that this is no beginning, or not worth an answer.
        _ => lines(output),
    }
}

fn lines(output: &[u8]) {
    let mut rest = output;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        message(&rest[..end]);
        rest = &rest[end + 1..];
    }
    assert!(rest.is_empty(), "the last line has no end");
}

fn frames(mut rest: &[u8]) {
    while !rest.is_empty() {
        let head = rest.windows(4).position(|it| it == b"\r\n\r\n");
        let head = head.expect("headers have an end");
        let length = rest[..head].strip_prefix(b"Content-Length: ");
        let length = std::str::from_utf8(length.expect("a length")).expect("digits");
        let end = head + 4 + length.parse::<usize>().expect("a number");
        message(&rest[head + 4..end]);
        rest = &rest[end..];
    }
}

/// Responses that say how long they are, up to a WebSocket's handshake.
fn http(mut rest: &[u8]) {
    while !rest.is_empty() {
        let head = rest.windows(4).position(|it| it == b"\r\n\r\n");
        let head = head.expect("a head has an end");
        let text = std::str::from_utf8(&rest[..head]).expect("a head is text");
        rest = &rest[head + 4..];
        let status = text.split(' ').nth(1).expect("a status");
        match status {
            "100" => continue,
            "101" => return frames_of_websocket(rest),
            _ => {}
        }
        let lower = text.to_ascii_lowercase();
        let length = lower.split("\r\ncontent-length: ").nth(1);
        let length = length.and_then(|it| it.split("\r\n").next());
        let length = length.map_or(0, |it| it.parse().expect("a number"));
        // The answer to HEAD has a length, and no body.
        if length > 0 && rest.first() == Some(&b'{') || rest.first() == Some(&b'[') {
            message(&rest[..length]);
            rest = &rest[length..];
        }
    }
}

/// Unmasked, unfragmented, and nothing but the opcodes that a server sends.
fn frames_of_websocket(mut rest: &[u8]) {
    while !rest.is_empty() {
        let (opcode, short) = (rest[0], rest[1]);
        assert!(short < 128, "a server does not mask");
        let (begin, length) = match short {
            126 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
            127 => panic!("no reply is so large"),
            length => (2, usize::from(length)),
        };
        let payload = &rest[begin..begin + length];
        match opcode {
            0x81 => message(payload),
            0x88 | 0x8a => {}
            other => panic!("opcode {other:#x}"),
        }
        rest = &rest[begin + length..];
    }
}

/// A reply, a batch of them, or a notification.
fn message(text: &[u8]) {
    match serde_json::from_slice(text).expect("it is JSON") {
        Value::Array(replies) => {
            assert!(!replies.is_empty(), "an empty batch is no answer");
            replies.iter().for_each(reply);
        }
        Value::Object(event) if event.contains_key("method") => {
            assert_eq!(event["method"], "event");
            assert!(!event.contains_key("id"));
        }
        other => reply(&other),
    }
}

fn reply(reply: &Value) {
    assert_eq!(reply["jsonrpc"], "2.0");
    let id = reply.get("id").expect("a reply has an id");
    assert!(id.is_null() || id.is_string() || id.is_number());
    let error = reply.get("error");
    assert!(error.is_some() != reply.get("result").is_some());
    // Calls here give their parameters back, which are no number.
    let accepted = reply.get("result").is_some_and(Value::is_number);
    assert!(!(accepted && id.is_null()), "a subscription without a name");
    if let Some(error) = error {
        assert!(error["code"].is_i64() && error["message"].is_string());
    }
}
