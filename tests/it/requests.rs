//! The whole signed HTTP request of each model, as the service would receive it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use vod_aigc_client::Client;
use vod_aigc_core::{Model, VideoRequest};
use vod_aigc_signer::Credential;
use vod_aigc_transport::testing::{ManualClock, SeededRandom};

const FOLDER: &str = "it/snapshots/requests";

#[tokio::test]
async fn the_signed_request_of_every_model_is_the_recorded_one() {
    let mut names = Vec::new();
    for model in Model::ALL {
        let builder = VideoRequest::builder(model.clone()).prompt("一只熊猫在竹林中玩耍");
        let row = model.capabilities().unwrap();
        let builder = match (row.references_only, row.text_to_video) {
            (Some(true), _) => builder.reference("https://example.com/panda.jpg"),
            (_, Some(false)) => builder.image("https://example.com/panda.jpg"),
            _ => builder,
        };
        let name = model.to_string().to_lowercase().replace(':', "-");
        let request = signed(builder.build().unwrap()).await;
        insta::with_settings!({
            snapshot_path => "snapshots/requests",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name.clone(), request);
        });
        names.push(format!("{name}.snap"));
    }

    // A snapshot of a model that has gone would never be compared again.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let mut recorded: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    recorded.sort();
    names.sort();
    assert_eq!(recorded, names);
}

/// As it goes out with the defaults of the client, at a fixed time and with a made-up key.
async fn signed(request: VideoRequest) -> String {
    let credential = Credential::new("AKIDEXAMPLE", "a-key-that-opens-nothing").unwrap();
    let client = Client::builder(credential, 1_500_044_236)
        .clock(Arc::new(ManualClock::at(1_795_435_200)))
        .random(Arc::new(SeededRandom::new(1)))
        .build();
    let call = client.transport().prepare(request.into_action(client.sub_app_id())).unwrap();
    client.transport().sign(&call).await.unwrap().to_string()
}
