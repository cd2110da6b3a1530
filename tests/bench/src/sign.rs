//! From a body, a time, an action and a key to the value of `Authorization`.

use std::hint::black_box;

use sha2::block_api::compress256;
use vod_aigc_bench::material::{CREATE, HOST, SECRET_ID, SECRET_KEY, TIME};
use vod_aigc_bench::worker::Way;
use vod_aigc_client::transport::signer::{BodyHash, Credential, Request, Scope, Signer, Template};

pub fn ways() -> Vec<Way> {
    vec![
        Way::new("sign first", "ours", |_| {
            let (signer, credential, template) = (Signer::new(), credential(), template());
            Box::new(move |count| {
                for _ in 0..count {
                    let request = template.hash(&BodyHash::of(black_box(CREATE).as_bytes()));
                    black_box(signer.sign(&credential, &request, scope(black_box(TIME))));
                }
            })
        }),
        Way::new("sign again", "ours", |_| {
            let (signer, credential) = (Signer::new(), credential());
            let request = template().hash(&BodyHash::of(CREATE.as_bytes()));
            Box::new(move |count| {
                for _ in 0..count {
                    black_box(signer.sign(&credential, &request, scope(black_box(TIME))));
                }
            })
        }),
        compressions("sign first", "15 bare compressions", 15),
        compressions("sign again", "3 bare compressions", 3),
    ]
}

fn credential() -> Credential {
    Credential::new(SECRET_ID, SECRET_KEY).expect("a credential")
}

fn scope(time: u64) -> Scope<'static> {
    Scope::new(time, "vod").expect("a scope")
}

fn template() -> Template {
    Template::new(&Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &[("content-type", "application/json"), ("host", HOST), ("x-tc-action", "CreateAigcVideoTask")],
    })
    .expect("a request")
}

/// So many blocks of SHA-256 one after another, each from the state that the one before has left.
fn compressions(work: &'static str, name: &'static str, blocks: usize) -> Way {
    Way::new(work, name, move |_| {
        let block = [0x5a; 64];
        let mut state = [0x6a09_e667_u32; 8];
        Box::new(move |count| {
            for _ in 0..count {
                for _ in 0..blocks {
                    compress256(&mut state, &[black_box(block)]);
                }
            }
            black_box(state);
        })
    })
}
