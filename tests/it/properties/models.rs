//! The capability table: its names, its rules, its limits.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use vod_aigc_core::{
    AigcVideoTaskInputFileInfo, Asked, AspectRatio, Capabilities, Durations, ErrorCode, ExtInfo, FaceChoice, FileUsage,
    Image, LastFrame, Model, OnCreate, Resolution, SceneType, Shape, StorageMode, VideoRequest,
};

use super::cases;

fn model() -> impl Strategy<Value = Model> {
    prop::sample::select(Model::ALL.to_vec())
}

fn asked<T: Clone + std::fmt::Debug>(known: impl Strategy<Value = T>) -> impl Strategy<Value = Asked<T>> {
    prop_oneof![Just(Asked::Nothing), Just(Asked::Unknown), known.prop_map(Asked::Known)]
}

/// One of the words, or none.
fn word(words: impl Iterator<Item = &'static str>) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(words.collect::<Vec<_>>()))
}

/// Whole seconds mostly, and others.
fn milliseconds() -> impl Strategy<Value = u32> {
    prop_oneof![(0_u32..22).prop_map(|seconds| seconds * 1000), 0_u32..22_000]
}

prop_compose! {
    fn sources()(prompt: bool, images in 0_usize..10, media in 0_usize..2, references in 0_usize..12, subjects in 0_usize..2, ext_info: bool, last_frame: bool) -> Shape {
        let mut shape = Shape::EMPTY;
        (shape.prompt, shape.ext_info, shape.last_frame) = (prompt, ext_info, last_frame);
        (shape.images, shape.media, shape.subjects) = (images, media, subjects);
        shape.references = references.min(images + media);
        shape
    }
}

prop_compose! {
    fn shape()(
        sources in sources(),
        resolution in asked(prop::sample::select(Resolution::ALL.to_vec())),
        duration in asked(milliseconds()),
        aspect_ratio in word(AspectRatio::KNOWN.iter().filter_map(AspectRatio::known)),
        audio: bool,
        scene_type in asked(prop::sample::select(SceneType::KNOWN.iter().filter_map(SceneType::known).collect::<Vec<_>>())),
        storage_mode in word(StorageMode::KNOWN.iter().filter_map(StorageMode::known)),
    ) -> Shape {
        let mut shape = sources;
        (shape.resolution, shape.duration, shape.aspect_ratio) = (resolution, duration, aspect_ratio);
        (shape.audio, shape.scene_type, shape.storage_mode) = (audio, scene_type, storage_mode);
        shape
    }
}

/// Parameters of models: those that are checked, and any.
fn parameters() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let key = prop_oneof!["multi_shot|shot_type|multi_prompt|element_list|voice_list|session_id", any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("prompt|duration|[a-z]", inner, 0..4).prop_map(|members| json!(members)),
        ]
    });
    prop::collection::btree_map(key, value, 0..4)
}

/// Turns each letter to upper case where the bit of its place says so.
fn in_any_case(text: &str, bits: u64) -> String {
    let turn = |(place, letter): (usize, char)| {
        if bits >> (place % 64) & 1 == 1 { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().enumerate().map(turn).collect()
}

/// The rules on models, said again and as naively as they can be said.
fn takes(row: Capabilities, shape: Shape) -> bool {
    let has_scene = shape.scene_type != Asked::Nothing;
    let files = shape.images + shape.media;
    let has_other_input = shape.media > 0 || shape.subjects > 0 || has_scene || shape.ext_info;
    let has_source = shape.prompt || shape.images > 0 || has_other_input;
    let has_image_if_needed = match (row.references_only, row.text_to_video) {
        (Some(true), _) => files + shape.subjects > 0 && shape.references == files,
        (_, Some(false)) => shape.images > 0 || has_other_input,
        _ => true,
    };
    let has_room_for_images = row.max_images.is_none_or(|most| shape.images <= usize::from(most));
    let offers_resolution = !row.resolutions.is_stated()
        || match shape.resolution {
            Asked::Nothing => true,
            Asked::Unknown => false,
            Asked::Known(asked) => row.resolutions.iter().any(|it| it == asked),
        };
    let size_is_in_its_place = row.size.stated().is_none() || shape.resolution == Asked::Nothing;
    let takes_last_frame = match row.last_frame {
        Some(LastFrame::No) => false,
        Some(LastFrame::At(at)) => at.iter().any(|it| shape.resolution == Asked::Known(it)),
        Some(LastFrame::WithImages(most)) => shape.images <= usize::from(most),
        _ => true,
    };
    let last_frame_is_right = !shape.last_frame || (shape.images > 0 && takes_last_frame);
    let makes_duration = match (row.durations, shape.duration) {
        (None, _) | (_, Asked::Nothing) => true,
        (_, Asked::Unknown) => false,
        (Some(Durations::List(list)), Asked::Known(asked)) => list.iter().any(|seconds| seconds * 1000 == asked),
        (Some(Durations::Range { from, to, whole }), Asked::Known(asked)) => {
            (from * 1000..=to * 1000).contains(&asked) && (!whole || asked.is_multiple_of(1000))
        }
        (Some(other), _) => panic!("{other:?}"),
    };
    let ratios = if files + shape.subjects == 0 && !shape.last_frame && !has_scene {
        row.ratios.text
    } else if shape.references > 0 {
        row.ratios.reference
    } else {
        row.ratios.otherwise
    };
    let within = |offered: Option<&'static [&'static str]>, asked: Option<&'static str>| {
        offered.is_none_or(|offered| asked.is_none_or(|asked| offered.contains(&asked)))
    };
    let scene = if let Asked::Known(scene) = shape.scene_type { Some(scene) } else { None };
    let words_are_offered = within(ratios.stated(), shape.aspect_ratio)
        && within(row.scenes.stated(), scene)
        && within(row.storage.stated(), shape.storage_mode);
    let makes_sound = !shape.audio || row.audio != Some(false);
    has_source
        && has_image_if_needed
        && has_room_for_images
        && offers_resolution
        && size_is_in_its_place
        && last_frame_is_right
        && makes_duration
        && words_are_offered
        && makes_sound
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_rule_engine_says_what_the_rules_say(model in model(), shape in shape()) {
        let row = model.capabilities().expect("a model of the table has a row");
        let violations = shape.check(row);
        prop_assert_eq!(violations.first().is_none(), takes(row, shape), "{:?}", violations);
        prop_assert_eq!(violations.first(), violations.iter().next());
        for violation in violations.iter() {
            let sentence = violation.to_string();
            prop_assert!(sentence.starts_with(row.name) && sentence.len() < 192, "{}", sentence);
        }
    }

    #[test]
    fn the_builder_judges_by_the_same_rules(model in model(), shape in shape()) {
        let mut shape = shape;
        (shape.media, shape.references) = (0, shape.references.min(shape.images));
        // Some scene types work from parameters: with these, the rules are all that is left to refuse the request.
        let parameters = match shape.scene_type {
            Asked::Known("avatar_i2v") => Some(ExtInfo::new().audio_id("1")),
            Asked::Known("lip_sync") => Some(ExtInfo::new().lip_sync("1", [FaceChoice::new("0")])),
            _ => shape.ext_info.then(|| ExtInfo::new().with("key", 1)),
        };
        shape.ext_info = parameters.is_some();
        prop_assume!(shape.resolution != Asked::Unknown && shape.duration != Asked::Unknown && shape.scene_type != Asked::Unknown);
        let mut builder = VideoRequest::builder(model.clone()).audio(shape.audio);
        if shape.prompt {
            builder = builder.prompt("panda");
        }
        for index in 0..shape.images {
            let image = Image::url("https://media.example.com/a.jpg");
            builder = if index < shape.references { builder.reference(image) } else { builder.image(image) };
        }
        for _ in 0..shape.subjects {
            builder = builder.subject(Default::default());
        }
        if shape.last_frame {
            builder = builder.last_frame(Image::url("https://media.example.com/b.jpg"));
        }
        if let Asked::Known(resolution) = shape.resolution {
            builder = builder.resolution(resolution);
        }
        if let Asked::Known(milliseconds) = shape.duration {
            builder = builder.duration(f64::from(milliseconds) / 1000.0);
        }
        if let Some(ratio) = shape.aspect_ratio {
            builder = builder.aspect_ratio(ratio.into());
        }
        if let Some(parameters) = parameters {
            builder = builder.ext_info(parameters);
        }
        if let Asked::Known(scene) = shape.scene_type {
            builder = builder.scene_type(scene.into());
        }
        // The builder asks for the default where the request does not set it.
        let storage = shape.storage_mode.unwrap_or("Temporary");
        shape.storage_mode = Some(storage);
        builder = builder.storage_mode(storage.into());
        prop_assert_eq!(builder.clone().__checked().into_action(1).shape(), shape);
        let row = model.capabilities().expect("a model of the table has a row");
        prop_assert_eq!(builder.build().is_ok(), takes(row, shape));
    }

    #[test]
    fn parameters_come_back_from_the_text_that_they_travel_in(parameters in parameters(), beside in parameters(), more in parameters()) {
        prop_assume!(!beside.contains_key("AdditionalParameters"));
        let add = |ext_info, pairs: &BTreeMap<String, Value>| {
            pairs.iter().fold(ext_info, |ext_info: ExtInfo, (key, value)| ext_info.with(key, value.clone()))
        };
        let ext_info = beside.iter().fold(add(ExtInfo::new(), &parameters), |it, (key, value)| it.beside(key, value.clone()));
        let read: ExtInfo = ext_info.to_string().parse().expect("it was written as ExtInfo");
        prop_assert_eq!(&read, &ext_info);

        // What another program reads in it: JSON in a text in JSON.
        let merged = add(read, &more).to_string();
        let outer: BTreeMap<String, Value> = serde_json::from_str(&merged).expect("it is JSON");
        let all: BTreeMap<_, _> = parameters.into_iter().chain(more).collect();
        let inner = outer.get("AdditionalParameters").and_then(Value::as_str).unwrap_or("{}");
        prop_assert_eq!(serde_json::from_str::<BTreeMap<String, Value>>(inner).expect("so is that"), all);
        prop_assert!(beside.iter().all(|(key, value)| outer.get(key) == Some(value)));
    }

    #[test]
    fn any_text_in_any_place_is_judged_without_a_panic(model in model(), prompt in "([a小@<>\\[\\]_ ]|<<<image_|[0-9]|>>>|\\[@a\\]|@a){0,20}", name in "[a小]{0,2}", ext_info in any::<String>(), parameters in parameters()) {
        let file = |usage: FileUsage| {
            let mut file = AigcVideoTaskInputFileInfo::default();
            (file.usage, file.text, file.object_id) = (Some(usage), Some(name.clone()), Some(name.clone()));
            file
        };
        let begun = VideoRequest::builder(model).prompt(prompt).file(file(FileUsage::Reference)).file(file(FileUsage::FirstFrame));
        for ext_info in [ext_info, parameters.into_iter().fold(ExtInfo::new(), |it, (key, value)| it.with(key, value)).into()] {
            let request = begun.clone().ext_info(ext_info).__checked().into_action(1);
            let said = request.check().err().map(|error| error.to_string());
            prop_assert!(said.is_none_or(|said| !said.is_empty()));
            prop_assert!(request.notes().iter().all(|note| !note.to_string().is_empty()));
        }
    }

    #[test]
    fn a_model_is_read_as_it_prints_in_any_case(model in model(), bits: u64, blanks in " {0,2}") {
        let text = in_any_case(&model.to_string(), bits);
        prop_assert_eq!(text.parse::<Model>(), Ok(model.clone()));
        let spaced = text.replace(':', &format!("{blanks}:{blanks}"));
        prop_assert_eq!(spaced.parse::<Model>(), Ok(model));
    }

    #[test]
    fn a_text_is_a_model_only_if_it_prints_as_one(text in prop_oneof![any::<String>(), "[A-Za-z]{1,8}:[0-9a-z.]{1,4}", "(Kling|Vidu|GV|Hailuo)[: ]?[0-9.]{0,4}"]) {
        match text.parse::<Model>() {
            Ok(model) => prop_assert!(model.to_string().eq_ignore_ascii_case(&text.replace(' ', ""))),
            Err(error) => {
                prop_assert!(!error.nearest().is_empty());
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }

    #[test]
    fn another_model_keeps_its_names(name: String, version: String) {
        let model = Model::other(name.clone(), version.clone());
        prop_assert_eq!((model.name(), model.version(), model.capabilities()), (name.as_str(), version.as_str(), None));
    }

    #[test]
    fn a_resolution_is_read_in_any_case(resolution in prop::sample::select(Resolution::ALL.to_vec()), bits: u64) {
        prop_assert_eq!(in_any_case(resolution.as_str(), bits).parse(), Ok(resolution));
    }

    #[test]
    fn an_open_word_is_kept_as_it_came(word: String) {
        prop_assert_eq!(StorageMode::from(word.as_str()).to_string(), word.as_str());
        prop_assert_eq!(ErrorCode::from(word.as_str()).to_string(), word);
    }

    #[test]
    fn a_code_below_a_known_one_means_the_same_until_it_has_a_row(known in prop::sample::select(ErrorCode::KNOWN.to_vec()), suffix in "\\.New[A-Z]{4}") {
        let below = ErrorCode::from(format!("{known}{suffix}"));
        prop_assert_eq!(below.facts(), known.facts());
    }

    #[test]
    fn a_code_that_nobody_knows_is_never_a_reason_to_send_a_create_again(code in "[A-Z][a-z]{0,6}Qz(\\.[A-Z][a-z]{1,6}){0,2}") {
        prop_assert_eq!(ErrorCode::from(code).facts().on_create, OnCreate::Unclear);
    }

    #[test]
    fn texts_are_counted_in_characters(letter in "[a熊🐼]", lengths in [990_usize..1_010, 55..70, 990..1_010]) {
        let [prompt, name, context] = lengths;
        let request = VideoRequest::builder(Model::other("New", "1"))
            .prompt(letter.repeat(prompt)).media_name(letter.repeat(name)).session_context(letter.repeat(context));
        prop_assert_eq!(request.build().is_ok(), prompt <= 1_000 && name <= 64 && context <= 1_000);
    }

    #[test]
    fn a_priority_lies_between_its_bounds(priority in -20_i64..20, own_id in "[a-z]{0,60}") {
        let request = VideoRequest::builder(Model::other("New", "1")).prompt("panda").priority(priority).session_id(own_id.clone());
        prop_assert_eq!(request.build().is_ok(), (-10..=10).contains(&priority) && own_id.len() <= 50);
    }
}
