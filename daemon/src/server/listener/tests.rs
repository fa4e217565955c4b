use std::os::unix::fs::PermissionsExt as _;

use lore_proto::ErrorCode;
use lore_proto::events::EventBody;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::UnixStream as Stream;
use tokio::task::JoinHandle;

use super::*;
use crate::server::testing::{Client, LineClient, Spoken, job, odd, soon};

struct Fixture {
    folder: TempDir,
    lock: OwnerLock,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lock = OwnerLock::acquire(&folder.path().join("lored.lock")).unwrap();
        Self { folder, lock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("lored.sock")
    }

    fn bind(&self, limits: Limits) -> Result<Listener, OwnerError> {
        Listener::bind(&self.path(), watch::channel(limits).1, &self.lock)
    }

    async fn connect(&self) -> LineClient<Stream> {
        LineClient::new(Stream::connect(self.path()).await.unwrap())
    }
}

fn serve(listener: Listener, methods: Methods) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    (stop.clone(), tokio::spawn(listener.serve(methods, stop)))
}

#[tokio::test]
async fn a_live_socket_is_never_taken_and_a_stale_one_is_replaced() {
    let f = Fixture::new();
    let live = f.bind(Limits::default()).unwrap();
    let error = f.bind(Limits::default()).unwrap_err().to_wire();
    assert!(error.message.contains("another daemon"), "{error}");
    assert_eq!(error.code, ErrorCode::Io);
    // A killed daemon leaves its file.
    std::mem::forget(live);
    std::fs::remove_file(f.path()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(f.path()).unwrap());
    assert!(f.path().exists());
    let (_, methods) = odd();
    let (stop, served) = serve(f.bind(Limits::default()).unwrap(), methods);
    let reply = f
        .connect()
        .await
        .call(1, "odd.echo", &json!({ "text": "t" }))
        .await;
    assert_eq!(reply["result"], "t");
    stop.cancel();
    soon(served).await.unwrap();
    assert!(!f.path().exists());
}

#[tokio::test]
async fn the_end_of_an_old_listener_leaves_its_successors_socket() {
    let f = Fixture::new();
    let old = f.bind(Limits::default()).unwrap();
    std::fs::remove_file(f.path()).unwrap();
    let _new = f.bind(Limits::default()).unwrap();
    drop(old);
    assert!(f.path().exists());
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let f = Fixture::new();
    std::fs::write(f.path(), "precious").unwrap();
    let error = f.bind(Limits::default()).unwrap_err().to_wire();
    assert!(error.message.contains("LORE_SOCKET"), "{error}");
    assert_eq!(std::fs::read_to_string(f.path()).unwrap(), "precious");
}

#[tokio::test]
async fn a_folder_that_others_can_write_to_holds_no_socket() {
    let f = Fixture::new();
    std::fs::set_permissions(f.folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(
        f.bind(Limits::default()).unwrap_err(),
        OwnerError::Unsafe { .. }
    ));
}

#[tokio::test]
async fn a_client_too_many_is_answered_with_its_own_id_and_let_go() {
    let f = Fixture::new();
    let (_, methods) = odd();
    let limits = Limits {
        max_connections: 1,
        // That of the product may be over before a busy machine gets here.
        refusal: Duration::from_mins(1),
        ..Limits::default()
    };
    let listener = f.bind(limits).unwrap();
    let connections = listener.connections();
    let (_stop, _) = serve(listener, methods);
    let mut first = f.connect().await;
    first.call(1, "odd.echo", &json!({})).await;
    assert_eq!(connections.count(), 1);
    for spoken in [Spoken::Lines, Spoken::Frames, Spoken::Post] {
        let stream = Stream::connect(f.path()).await.unwrap();
        let mut second = Client::new(spoken, stream).await;
        let reply = second.call(42, "odd.echo", &json!({})).await;
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&json!(42), &json!(-32009)),
            "{spoken:?}"
        );
        assert_eq!(reply["error"]["data"]["retryable"], true);
        assert!(second.next().await.is_none(), "{spoken:?}");
    }
    let stream = Stream::connect(f.path()).await.unwrap();
    let refused = tokio_tungstenite::client_async("ws://localhost/", stream).await;
    let error = refused.err().unwrap().to_string();
    assert!(error.contains("503"), "{error}");
    drop(first);
    // The place is free again once the server has seen the client go.
    let served_again = async {
        loop {
            let reply = f
                .connect()
                .await
                .call(1, "odd.echo", &json!({ "text": "t" }))
                .await;
            if reply["result"] == "t" {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(served_again).await;
}

#[tokio::test]
async fn who_leaves_gives_its_place_back_whatever_it_waits_for() {
    let f = Fixture::new();
    let (odd, methods) = odd();
    let (cx, _end) = job(&odd).await;
    let listener = f.bind(Limits::default()).unwrap();
    let connections = listener.connections();
    let (_stop, _) = serve(listener, methods);
    for spoken in Spoken::ALL {
        let stream = Stream::connect(f.path()).await.unwrap();
        let mut client = Client::new(spoken, stream).await;
        client.request(1, "odd.waitRead", &json!({})).await;
        soon(odd.begun.notified()).await;
        drop(client);
        soon(odd.dropped.notified()).await;
    }
    for params in [json!({}), json!({ "job_id": cx.job_id })] {
        let mut client = f.connect().await;
        client.call(1, "jobs.subscribe", &params).await;
    }
    let all_free = async {
        while connections.count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(all_free).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_clients_at_once_are_served_with_one_that_never_reads() {
    let f = Fixture::new();
    let (odd, methods) = odd();
    let (cx, end) = job(&odd).await;
    let (stop, served) = serve(f.bind(Limits::default()).unwrap(), methods);
    let mut frozen = f.connect().await;
    frozen
        .request(1, "jobs.subscribe", &json!({ "job_id": cx.job_id }))
        .await;
    let mut clients = Vec::new();
    for number in 0..99_u64 {
        let mut client = f.connect().await;
        let job_id = cx.job_id;
        let text = number.to_string();
        clients.push(tokio::spawn(async move {
            client
                .request(1, "jobs.subscribe", &json!({ "job_id": job_id }))
                .await;
            client
                .request(2, "odd.echo", &json!({ "text": text }))
                .await;
            let (mut echoed, mut finished) = (false, false);
            while !(echoed && finished) {
                let message = client.next().await.unwrap();
                echoed |= message["result"].as_str() == Some(text.as_str());
                finished |= message["params"]["result"]["kind"] == "finished";
            }
        }));
    }
    for number in 0..1_000 {
        let message = format!("warning {number}");
        cx.events.publish(
            None,
            EventBody::Warning {
                code: ErrorCode::Timeout,
                message,
            },
        );
    }
    end.notify_one();
    for client in clients {
        soon(client).await.unwrap();
    }
    stop.cancel();
    drop(frozen);
    soon(served).await.unwrap();
}
