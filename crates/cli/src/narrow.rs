//! Leaves of a schema what one model takes, by its row of the capability table; without a model, names all models.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vod_aigc_client::core::{Capabilities, Durations, LastFrame, Model, Resolution, Words};

/// The shape within the request for a video that says what the video is like.
pub(crate) const OUTPUT: &str = "AigcVideoOutputConfig";

/// The members of the request that a parameter of `generate` sets, and whether they are the output's.
const MEMBERS: [(&str, bool, &str); 8] = [
    ("resolution", true, "Resolution"),
    ("duration", true, "Duration"),
    ("aspect_ratio", true, "AspectRatio"),
    ("audio", true, "AudioGeneration"),
    ("storage_mode", true, "StorageMode"),
    ("scene_type", false, "SceneType"),
    ("last_frame", false, "LastFrameUrl"),
    ("last_frame", false, "LastFrameFileId"),
];

/// What the table says of one parameter of `generate`: keywords to lay over its schema, or that it is not taken at all.
type Narrowing = (&'static str, Option<Value>);

/// The schema of `generate` as a tool.
pub(crate) fn narrow_generate(schema: &mut Value, model: Option<&Model>) {
    let properties = &mut schema["properties"];
    let models = Model::ALL.iter().filter(|it| model.is_none_or(|model| model == *it)).map(Model::to_string);
    properties["model"]["enum"] = models.collect();
    properties["model"]["description"] = "The model: its family and version.".into();
    lay_over(properties, "resolution", Some(&one_of(Resolution::ALL.iter().copied().map(Resolution::as_str))));
    for (name, narrowing) in model.and_then(Model::capabilities).map(narrowings).into_iter().flatten() {
        lay_over(properties, name, narrowing.as_ref());
    }
}

/// The schema of the request for a video.
pub(crate) fn narrow_action(schema: &mut Value, model: Option<&Model>) {
    let models = Model::ALL.iter().filter(|it| model.is_none_or(|model| model == *it));
    let rows: Vec<_> = models.filter_map(Model::capabilities).collect();
    let distinct = |word: fn(&Capabilities) -> &'static str| one_of(rows.iter().map(word).collect::<BTreeSet<_>>());
    lay_over(&mut schema["properties"], "ModelName", Some(&distinct(|row| row.name)));
    lay_over(&mut schema["properties"], "ModelVersion", Some(&distinct(|row| row.wire_version)));
    let resolutions: BTreeSet<_> = rows.iter().flat_map(resolutions_sent).collect();
    let resolutions = (!resolutions.is_empty()).then(|| one_of(resolutions));
    lay_over(&mut schema["$defs"][OUTPUT]["properties"], "Resolution", resolutions.as_ref());

    let Some(row) = model.and_then(Model::capabilities) else {
        return;
    };
    if let Some(most) = row.max_images {
        lay_over(&mut schema["properties"], "FileInfos", Some(&at_most(most)));
    }
    for (name, narrowing) in narrowings(row) {
        let narrowing = match name {
            // Said above, in the words that go out.
            "resolution" => continue,
            "audio" => Some(one_of(["Disabled"])),
            _ => narrowing,
        };
        for (_, of_output, member) in MEMBERS.into_iter().filter(|(parameter, ..)| *parameter == name) {
            let holder = if of_output { &mut schema["$defs"][OUTPUT] } else { &mut *schema };
            lay_over(&mut holder["properties"], member, narrowing.as_ref());
        }
    }
}

/// A text that is one of these.
pub(crate) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "type": "string", "enum": words.into_iter().collect::<Vec<_>>() })
}

/// The words that the request for a video may name a resolution by.
fn resolutions_sent(row: &Capabilities) -> impl Iterator<Item = &'static str> + use<> {
    let row = *row;
    let offered = move |it: &Resolution| row.size.stated().is_none() && row.resolutions.contains(*it);
    Resolution::ALL.iter().copied().filter(offered).map(move |it| row.resolution_word(it))
}

/// Everything that a model's row says of parameters.
fn narrowings(row: Capabilities) -> Vec<Narrowing> {
    let mut list = Vec::new();
    if row.size.stated().is_some() {
        list.push(("resolution", None));
    } else if row.resolutions.is_stated() {
        list.push(("resolution", Some(one_of(row.resolutions.iter().map(Resolution::as_str)))));
    }
    if let Some(most) = row.max_images {
        let limit = (most > 0).then(|| json!({ "maxItems": most }));
        list.extend([("image", limit.clone()), ("reference", limit)]);
    }
    if row.references_only == Some(true) {
        list.push(("image", None));
    }
    match row.last_frame {
        Some(LastFrame::No) => list.push(("last_frame", None)),
        Some(LastFrame::At(resolutions)) => {
            let words: Vec<_> = resolutions.iter().map(Resolution::as_str).collect();
            list.push(("last_frame", Some(json!({ "description": format!("Only at {}.", words.join(" or ")) }))));
        }
        Some(LastFrame::WithImages(most)) => {
            let images = if most == 1 { "image" } else { "images" };
            list.push(("last_frame", Some(json!({ "description": format!("With at most {most} {images}.") }))));
        }
        _ => {}
    }
    match row.durations {
        Some(Durations::List(seconds)) => list.push(("duration", Some(json!({ "enum": seconds })))),
        Some(Durations::Range { from, to, whole }) => {
            let kind = if whole { "integer" } else { "number" };
            list.push(("duration", Some(json!({ "type": kind, "minimum": from, "maximum": to }))));
        }
        _ => {}
    }
    if let Some(seconds) = row.default_duration {
        list.push(("duration", Some(json!({ "default": seconds }))));
    }
    let ratios = [row.ratios.text, row.ratios.reference, row.ratios.otherwise].map(Words::stated);
    // What no source states of one kind of input is no reason to offer what it states of none.
    let ratios: Vec<_> = ratios.into_iter().flatten().flatten().copied().collect();
    let words = ratios.iter().enumerate().filter(|(index, word)| !ratios[..*index].contains(word));
    let words: Vec<_> = words.map(|(_, word)| *word).collect();
    if !words.is_empty() {
        list.push(("aspect_ratio", Some(one_of(words))));
    }
    if row.audio == Some(false) {
        list.push(("audio", Some(one_of(["off"]))));
    }
    for (name, words) in [("scene_type", row.scenes), ("storage_mode", row.storage)] {
        if let Some(words) = words.stated() {
            list.push((name, (!words.is_empty()).then(|| one_of(words.iter().copied()))));
        }
    }
    list
}

/// A list of files of which so many are images to work from.
fn at_most(images: u8) -> Value {
    json!({
        "contains": { "not": { "anyOf": [
            { "required": ["Category"], "properties": { "Category": { "enum": ["Video", "Audio"] } } },
            { "required": ["Usage"], "properties": { "Usage": { "const": "LastFrame" } } },
        ] } },
        "minContains": 0,
        "maxContains": images,
    })
}

/// Lays keywords over one member, its description before theirs; removes the member where there are no keywords.
fn lay_over(members: &mut Value, name: &str, keywords: Option<&Value>) {
    let Some(members) = members.as_object_mut() else {
        return;
    };
    let Some(keywords) = keywords.and_then(Value::as_object) else {
        members.remove(name);
        return;
    };
    let Some(member) = members.get_mut(name).and_then(Value::as_object_mut) else {
        return;
    };
    for (keyword, value) in keywords {
        match (keyword.as_str(), member.get("description").and_then(Value::as_str)) {
            ("description", Some(before)) => {
                let more = value.as_str().unwrap_or_default();
                let whole = format!("{}. {more}", before.trim_end_matches('.'));
                member.insert("description".to_owned(), whole.into());
            }
            _ => {
                member.insert(keyword.clone(), value.clone());
            }
        }
    }
    if keywords.contains_key("enum") {
        // The words of the type are more than these.
        member.remove("$ref");
    }
}
