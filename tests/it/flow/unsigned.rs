//! Bodies that are left out of the signature: what the service does with them, and what that costs.

use std::sync::Arc;

use vod_aigc_emulator::{Clock, Emulator};
use vod_aigc_transport::Transport;

use crate::support::*;

#[tokio::test]
async fn a_task_whose_requests_go_out_unsigned_is_made_like_any_other() {
    let emulator = emulator().await;
    let client = client_to(&emulator, emulator.endpoint());
    let client = client.transport(|transport| transport.leave_bodies_unsigned_above(0)).build();
    let task = submitted(&client).await;
    task.wait().await.unwrap();
    let [entry] = emulator.ledger().try_into().unwrap();
    assert_eq!(entry.task_id, task.id());
}

/// The price that the setting's documentation names.
#[tokio::test]
async fn an_unsigned_body_that_is_changed_on_its_way_is_billed_as_changed() {
    let create = panda().into_action(SUB_APP);
    let body = String::from_utf8(serde_json::to_vec(&create).unwrap()).unwrap();
    let changed = body.replace("panda", "zebra");
    assert_ne!(changed, body);
    for (signed_up_to, billed) in [(usize::MAX, 0), (0, 1)] {
        let clock = Clock::manual(noon());
        let emulator = Emulator::builder().clock(clock.clone()).credential(credential()).in_process();
        let transport = Transport::builder(credential())
            .endpoint("http://localhost".parse().unwrap())
            .clock(Arc::new(SimulatedClock::new(clock)))
            .leave_bodies_unsigned_above(signed_up_to)
            .build();
        let call = transport.prepare(create.clone()).unwrap();
        let request = transport.sign(&call).await.unwrap();
        InProcessHttp::new(emulator.clone()).exchange(&request, changed.as_bytes()).unwrap();
        assert_eq!(emulator.ledger().len(), billed, "signed up to {signed_up_to} bytes");
    }
}
