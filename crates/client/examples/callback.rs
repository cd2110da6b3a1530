//! A server for the callbacks of tasks: `VOD_SIGN_KEY=… cargo run -p vod-aigc-client --example callback`, with the key that
//! `ModifyEventConfig` has given to the service, and the variables of the client.
#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use vod_aigc_client::Client;
use vod_aigc_client::core::TaskState;
use vod_aigc_client::events::{self, SignKey};

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "a program's own environment comes in where it begins")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = SignKey::new(std::env::var("VOD_SIGN_KEY")?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("callbacks go to http://{}/vod", listener.local_addr()?);
    axum::serve(listener, router(Client::from_env()?, key)).await?;
    Ok(())
}

/// Takes callbacks at `/vod`; axum refuses bodies of more than 2 MB.
pub(crate) fn router(client: Client, key: SignKey) -> Router {
    Router::new().route("/vod", post(callback)).with_state((client, key))
}

async fn callback(State((client, key)): State<(Client, SignKey)>, body: Bytes) -> (StatusCode, String) {
    let notification = match events::parse(&body, &key, client.transport().now()) {
        Ok(notification) => notification,
        Err(error) => return (StatusCode::FORBIDDEN, error.to_string()),
    };
    // The body is a hint: the state of the task is what the service says when it is asked.
    let reply = match client.confirm(&notification).await {
        Ok(Some(reply)) => reply,
        Ok(None) => return (StatusCode::OK, "not about a task".to_owned()),
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let id = notification.task_id.unwrap_or_default();
    let said = match reply.state() {
        TaskState::Succeeded(_) => format!("task {id} is done"),
        TaskState::Failed(failure) => format!("task {id} failed: {failure}"),
        _ => format!("task {id} goes on"),
    };
    println!("{said}");
    (StatusCode::OK, said)
}
