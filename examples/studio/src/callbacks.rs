//! A server for the callbacks of tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use vod_aigc_client::Client;
use vod_aigc_client::events::{self, SignKey};

/// How many callbacks were confirmed by the service.
pub(crate) type Confirmed = Arc<AtomicUsize>;

/// Takes callbacks at `/vod` until it is dropped. Nothing that a body says is believed: the service is asked.
pub(crate) fn serve(listener: TcpListener, client: Client, key: SignKey) -> Confirmed {
    let confirmed = Confirmed::default();
    let router = Router::new().route("/vod", post(callback)).with_state((client, key, confirmed.clone()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    confirmed
}

async fn callback(
    State((client, key, confirmed)): State<(Client, SignKey, Confirmed)>,
    body: Bytes,
) -> (StatusCode, String) {
    let notification = match events::parse(&body, &key, client.transport().now()) {
        Ok(notification) => notification,
        Err(error) => return (StatusCode::FORBIDDEN, error.to_string()),
    };
    match client.confirm(&notification).await {
        Ok(_) => {
            confirmed.fetch_add(1, Ordering::SeqCst);
            tracing::info!(task_id = notification.task_id, "callback confirmed");
            (StatusCode::OK, String::new())
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
