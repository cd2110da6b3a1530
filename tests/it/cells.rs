//! What each row of the capability table lets through of everything that can be asked for, and what it says to the rest.

use vod_aigc_core::{
    AspectRatio, ExtInfo, FaceChoice, Model, Resolution, SceneType, StorageMode, VideoRequest, VideoRequestBuilder,
};

const IMAGE: &str = "https://example.com/a.jpg";

/// What a video is made from.
type Source = fn(VideoRequestBuilder) -> VideoRequestBuilder;

const SOURCES: [(&str, Source); 3] =
    [("text", |it| it), ("reference", |it| it.reference(IMAGE)), ("first frame", |it| it.first_frame(IMAGE))];

#[test]
fn every_row_takes_and_refuses_what_is_recorded() {
    let mut text = String::new();
    for model in Model::ALL {
        text += &format!("{model}\n");
        for (name, source) in SOURCES {
            let ratios =
                AspectRatio::KNOWN.iter().map(|it| (it.to_string(), builder(model, source).aspect_ratio(it.clone())));
            text += &probe(&format!("from {name}"), [("taken".to_owned(), builder(model, source))].into_iter());
            text += &probe(&format!("ratio from {name}"), ratios);
        }
        // The other cells do not depend on the source, so the one that the row takes will do.
        let row = model.capabilities().unwrap();
        let source = if row.text_to_video == Some(false) { SOURCES[1].1 } else { SOURCES[0].1 };
        let begun = || builder(model, source);
        let last_frame = |image: Source| image(builder(model, |it| it)).last_frame(IMAGE).resolution(Resolution::P1080);
        text += &probe("last frame", SOURCES.iter().map(|(name, source)| ((*name).to_owned(), last_frame(*source))));
        text += &probe("resolution", Resolution::ALL.iter().map(|it| (it.to_string(), begun().resolution(*it))));
        let lengths = (0..=17).map(f64::from).chain([4.5, -1.0]);
        text += &probe("seconds", lengths.map(|it| (it.to_string(), begun().duration(it))));
        text += &probe(
            "sound",
            [("on".to_owned(), begun().audio(true)), ("off".to_owned(), begun().audio(false))].into_iter(),
        );
        let parameters = || ExtInfo::new().sound_file(IMAGE).lip_sync("1", [FaceChoice::new("0")]);
        let scene = |it: &SceneType| begun().scene_type(it.clone()).ext_info(parameters());
        text += &probe("scene", SceneType::KNOWN.iter().map(|it| (it.to_string(), scene(it))));
        text +=
            &probe("storage", StorageMode::KNOWN.iter().map(|it| (it.to_string(), begun().storage_mode(it.clone()))));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("cells", text);
    });
}

fn builder(model: &Model, source: Source) -> VideoRequestBuilder {
    source(VideoRequest::builder(model.clone()).prompt("a panda"))
}

/// One line: what passes, then the sentence of the first that does not.
fn probe(name: &str, requests: impl Iterator<Item = (String, VideoRequestBuilder)>) -> String {
    let mut refused = String::new();
    let mut line = format!("  {name}:");
    for (asked, request) in requests {
        match request.build() {
            Ok(_) => line += &format!(" {asked}"),
            Err(error) if refused.is_empty() => refused = format!(" | {error}"),
            Err(_) => {}
        }
    }
    format!("{line}{refused}\n")
}
