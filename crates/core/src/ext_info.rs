//! Model parameters outside the schema: JSON in a text in the JSON in the text `ExtInfo`, written and read in one place.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::capabilities::{Capabilities, SceneInputs, Shots};
use crate::generated::{CreateAigcVideoTaskRequest, FileCategory, SCENE_INPUTS};

/// The key whose text holds the parameters.
const PARAMETERS: &str = "AdditionalParameters";

/// Model parameters outside the schema, for the member `ExtInfo`.
///
/// The service takes them as JSON in a text, inside the JSON that the member holds as a text. This writes both, in the order
/// of the alphabet, so that the same parameters are the same bytes. What none of the methods sets goes in by
/// [`with`](Self::with).
///
/// ```
/// use vod_aigc_core::{ExtInfo, Mingmou, video};
///
/// let ext_info = ExtInfo::new().width_and_height(1920, 1080).with("style", "ink");
/// assert_eq!(ext_info.to_string(), r#"{"AdditionalParameters":"{\"height\":1080,\"style\":\"ink\",\"width\":1920}"}"#);
/// let request = video!(Mingmou::V1_0, prompt = "a city at dusk", ext_info = ext_info);
/// ```
///
/// A text that is there already is read and added to; nothing in it is lost:
///
/// ```
/// # use vod_aigc_core::ExtInfo;
/// let ext_info: ExtInfo = r#"{"Trace":7,"AdditionalParameters":"{\"seed\":1}"}"#.parse()?;
/// assert_eq!(ext_info.size(1280, 720).to_string(), r#"{"AdditionalParameters":"{\"seed\":1,\"size\":\"1280x720\"}","Trace":7}"#);
/// # Ok::<(), vod_aigc_core::InvalidExtInfo>(())
/// ```
#[must_use = "it does nothing until it is a part of a request"]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExtInfo {
    parameters: BTreeMap<String, Value>,
    /// What is beside the parameters.
    beside: BTreeMap<String, Value>,
}

impl ExtInfo {
    /// Without any parameter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Any parameter by its key; replaces the one of the same key.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.insert(key.into(), value.into());
        self
    }

    /// Any member of `ExtInfo` itself, beside the parameters.
    pub fn beside(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.beside.insert(key.into(), value.into());
        self
    }

    /// Kling: the video is cut from these shots, which take the place of the prompt. At most six of them; their lengths
    /// together are the length of the video.
    pub fn multi_shot(self, shots: impl IntoIterator<Item = Shot>) -> Self {
        let shots: Vec<Value> = shots
            .into_iter()
            .enumerate()
            .map(|(index, shot)| {
                // A length is a text there.
                json!({ "index": index + 1, "prompt": shot.prompt, "duration": shot.seconds.to_string() })
            })
            .collect();
        self.with("multi_shot", true).with("shot_type", "customize").with("multi_prompt", shots)
    }

    /// Kling: the model cuts the prompt into shots by itself.
    pub fn intelligent_shots(self) -> Self {
        self.with("multi_shot", true).with("shot_type", "intelligence")
    }

    /// Kling: subjects by their ids, numbers or texts, which the prompt names as `<<<element_1>>>` in this order.
    pub fn elements(self, ids: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        let elements: Vec<Value> = ids.into_iter().map(|id| json!({ "element_id": id.into() })).collect();
        self.with("element_list", elements)
    }

    /// Kling `motion_control`: whom the person turns towards as.
    pub fn character_orientation(self, orientation: Orientation) -> Self {
        let word = match orientation {
            Orientation::Image => "image",
            Orientation::Video => "video",
        };
        self.with("character_orientation", word)
    }

    /// Kling `motion_control`: whether the sound of the video is kept.
    pub fn keep_original_sound(self, keep: bool) -> Self {
        self.with("keep_original_sound", if keep { "yes" } else { "no" })
    }

    /// Kling `avatar_i2v`: what the person says, as a URL or as Base64. MP3, WAV, M4A or AAC of at most 5 MB, 2 to 300 seconds. Not
    /// together with [`audio_id`](Self::audio_id).
    pub fn sound_file(self, sound: impl Into<String>) -> Self {
        self.with("sound_file", sound.into())
    }

    /// Kling `avatar_i2v`: what the person says, by the id of a sound that the service has made.
    pub fn audio_id(self, id: impl Into<String>) -> Self {
        self.with("audio_id", id.into())
    }

    /// Kling `lip_sync`: the session that `DescribeAigcFaceInfo` has opened for a video, and who speaks in it.
    pub fn lip_sync(self, session_id: impl Into<String>, faces: impl IntoIterator<Item = FaceChoice>) -> Self {
        let faces: Vec<Value> = faces.into_iter().map(|face| Value::Object(face.0)).collect();
        self.with("session_id", session_id.into()).with("face_choose", faces)
    }

    /// The size in pixels, for a model that takes it as `width` and `height`.
    pub fn width_and_height(self, width: u32, height: u32) -> Self {
        self.with("width", width).with("height", height)
    }

    /// The size in pixels, for a model that takes it as `size`.
    pub fn size(self, width: u32, height: u32) -> Self {
        self.with("size", format!("{width}x{height}"))
    }

    /// A parameter by its key.
    pub fn parameter(&self, key: &str) -> Option<&Value> {
        self.parameters.get(key)
    }

    /// The prompts of the shots that take the place of the request's own.
    pub(crate) fn shot_prompts(&self) -> Vec<&str> {
        self.shots().into_iter().flatten().filter_map(|shot| shot.get("prompt")?.as_str()).collect()
    }

    /// How many items the list of this key has.
    pub(crate) fn count(&self, key: &str) -> usize {
        self.parameter(key).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// The ids in the items of a list, as texts.
    pub(crate) fn ids(&self, list: &str, key: &str) -> Vec<String> {
        let items = self.parameter(list).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| Some(text_of(item.get(key)?))).collect()
    }

    fn shots(&self) -> Option<&Vec<Value>> {
        let is_on = is_true(self.parameter("multi_shot")?);
        let by_hand = self.parameter("shot_type").is_none_or(|kind| kind == "customize");
        self.parameter("multi_prompt").filter(|_| is_on && by_hand)?.as_array()
    }
}

/// The text of a text, else the JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_true(value: &Value) -> bool {
    *value == true || *value == "true"
}

impl fmt::Display for ExtInfo {
    /// The text of the member.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = self.beside.clone();
        if !self.parameters.is_empty() {
            members.insert(PARAMETERS.to_owned(), Value::String(json!(self.parameters).to_string()));
        }
        f.write_str(&json!(members).to_string())
    }
}

impl From<ExtInfo> for String {
    fn from(ext_info: ExtInfo) -> Self {
        ext_info.to_string()
    }
}

impl FromStr for ExtInfo {
    type Err = InvalidExtInfo;

    /// Reads the text of the member. The parameters may be a text, as they should be, or an object.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut beside = object(text, "ExtInfo")?;
        let parameters = match beside.remove(PARAMETERS) {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::String(text)) if text.trim().is_empty() => BTreeMap::new(),
            Some(Value::String(text)) => object(&text, "the AdditionalParameters of ExtInfo")?,
            Some(Value::Object(members)) => members.into_iter().collect(),
            Some(_) => return Err(InvalidExtInfo("the AdditionalParameters of ExtInfo")),
        };
        Ok(Self { parameters, beside })
    }
}

fn object(text: &str, place: &'static str) -> Result<BTreeMap<String, Value>, InvalidExtInfo> {
    serde_json::from_str(text).map_err(|_| InvalidExtInfo(place))
}

/// A text that is no `ExtInfo`: it or its parameters are not a JSON object. Says where and not what, because parameters may
/// hold signed URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidExtInfo(&'static str);

impl fmt::Display for InvalidExtInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be a JSON object in a text", self.0)
    }
}

impl std::error::Error for InvalidExtInfo {}

/// One shot of a video.
#[must_use = "it does nothing until it is a part of a request"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shot {
    prompt: String,
    seconds: u32,
}

impl Shot {
    /// What the shot shows, at most 512 characters, and its length in whole seconds, at least one.
    pub fn new(prompt: impl Into<String>, seconds: u32) -> Self {
        Self { prompt: prompt.into(), seconds }
    }
}

/// Whom a person in a `motion_control` turns towards as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum Orientation {
    /// As in the image; the video may then have at most 10 seconds.
    Image,
    /// As in the video, which may then have at most 30 seconds.
    Video,
}

/// A face of a video in a `lip_sync`, and what it says. Times are milliseconds.
#[must_use = "it does nothing until it is a part of a request"]
#[derive(Debug, Clone, PartialEq)]
pub struct FaceChoice(Map<String, Value>);

impl FaceChoice {
    /// A face by the id that `DescribeAigcFaceInfo` gave it. It says what [`sound_file`](Self::sound_file) or
    /// [`audio_id`](Self::audio_id) holds.
    pub fn new(face_id: impl Into<String>) -> Self {
        Self(Map::new()).with("face_id", face_id.into())
    }

    /// The sound, as a URL or as Base64.
    pub fn sound_file(self, sound: impl Into<String>) -> Self {
        self.with("sound_file", sound.into())
    }

    /// The sound, by the id of one that the service has made.
    pub fn audio_id(self, id: impl Into<String>) -> Self {
        self.with("audio_id", id.into())
    }

    /// The part of the sound that is used.
    pub fn sound_from_to(self, start: u64, end: u64) -> Self {
        self.with("sound_start_time", start).with("sound_end_time", end)
    }

    /// When in the video the sound begins.
    pub fn insert_at(self, time: u64) -> Self {
        self.with("sound_insert_time", time)
    }

    /// How loud the sound is; 1 is as it came.
    pub fn volume(self, volume: f64) -> Self {
        self.with("sound_volume", volume)
    }

    /// How loud the sound of the video stays; 0 is silent.
    pub fn original_volume(self, volume: f64) -> Self {
        self.with("original_audio_volume", volume)
    }

    /// Any member by its key.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }
}

/// What is wrong with the `ExtInfo` of a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExtInfoFault {
    /// The scene type works from a parameter that is missing, or of which there is more than one.
    Scene {
        /// The word of the scene type.
        scene: &'static str,
        /// The keys of the parameters.
        keys: &'static [&'static str],
        /// Whether one of them is needed, and not all.
        one: bool,
    },
    /// There is no shot, or there are too many.
    ShotCount {
        /// How many there are.
        found: usize,
        /// The most that the model takes.
        most: u8,
    },
    /// A shot has no whole number of seconds.
    ShotLength {
        /// Which, counted from 1.
        shot: usize,
    },
    /// The prompt of a shot is too long.
    ShotPrompt {
        /// Which, counted from 1.
        shot: usize,
        /// How many characters it has.
        found: usize,
        /// The most that it may have.
        most: u16,
    },
    /// The shots together are not as long as the video.
    ShotSum {
        /// The seconds of the shots.
        shots: u64,
        /// The seconds of the video.
        video: f64,
    },
}

impl fmt::Display for ExtInfoFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scene { scene, keys, one: true } => {
                write!(f, "SceneType {scene} needs exactly one of {} in ExtInfo", keys.join(", "))
            }
            Self::Scene { scene, keys, one: false } => {
                write!(f, "SceneType {scene} needs {} in ExtInfo", keys.join(" and "))
            }
            Self::ShotCount { found, most } => write!(f, "ExtInfo has {found} shots; it takes 1 to {most}"),
            Self::ShotLength { shot } => {
                write!(f, "shot {shot} in ExtInfo has no length; give it whole seconds, at least 1")
            }
            Self::ShotPrompt { shot, found, most } => {
                write!(f, "the prompt of shot {shot} in ExtInfo has {found} characters; it takes at most {most}")
            }
            Self::ShotSum { shots, video } => {
                write!(f, "the shots in ExtInfo last {shots} seconds and the video {video}; make them the same")
            }
        }
    }
}

impl CreateAigcVideoTaskRequest {
    /// Its `ExtInfo`, where that is JSON. It may be any text: then there is nothing in it to check.
    pub(crate) fn parameters(&self) -> ExtInfo {
        self.ext_info.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// What its scene type works from.
    pub(crate) fn scene_inputs(&self) -> Option<&'static SceneInputs> {
        let scene = self.scene_type.as_ref()?.as_str();
        SCENE_INPUTS.iter().find(|it| it.scene == scene)
    }

    /// Every fault of its `ExtInfo`, by the row of its model.
    pub(crate) fn ext_info_faults(&self, row: Capabilities) -> Vec<ExtInfoFault> {
        let ext_info = self.parameters();
        let mut faults = Vec::new();
        if let Some(SceneInputs { scene, one_of, all_of, .. }) = self.scene_inputs() {
            let given = |key: &&&str| ext_info.parameter(key).is_some_and(|value| !is_empty(value));
            if !one_of.is_empty() && one_of.iter().filter(given).count() != 1 {
                faults.push(ExtInfoFault::Scene { scene, keys: one_of, one: true });
            }
            if !all_of.iter().all(|key| given(&key)) {
                faults.push(ExtInfoFault::Scene { scene, keys: all_of, one: false });
            }
        }
        if let (Some(limits), Some(shots)) = (row.shots, ext_info.shots()) {
            let asked = self.output_config.as_ref().and_then(|output| output.duration);
            faults.extend(shot_faults(shots, limits, asked.or(row.default_duration.map(f64::from))));
        }
        faults
    }

    /// The categories of files that its scene type works from and that it does not have.
    pub(crate) fn missing_scene_files(&self) -> impl Iterator<Item = &'static str> {
        let wanted = self.scene_inputs().map_or(&[][..], |inputs| inputs.files);
        let category = |file: &Option<FileCategory>| file.clone().unwrap_or_default();
        wanted.iter().copied().filter(move |word| {
            !self.file_infos.iter().flatten().any(|file| category(&file.category).as_str() == *word)
        })
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn shot_faults(shots: &[Value], limits: Shots, video: Option<f64>) -> Vec<ExtInfoFault> {
    if shots.is_empty() || shots.len() > usize::from(limits.most) {
        return vec![ExtInfoFault::ShotCount { found: shots.len(), most: limits.most }];
    }
    let seconds = |shot: &Value| match shot.get("duration")? {
        Value::String(text) => text.trim().parse().ok().filter(|seconds| *seconds > 0),
        number => number.as_u64().filter(|seconds| *seconds > 0),
    };
    let mut faults = Vec::new();
    let mut sum = Some(0_u64);
    for (index, shot) in shots.iter().enumerate() {
        let length = seconds(shot);
        if length.is_none() {
            faults.push(ExtInfoFault::ShotLength { shot: index + 1 });
        }
        sum = sum.zip(length).and_then(|(sum, length)| sum.checked_add(length));
        let found = shot.get("prompt").and_then(Value::as_str).map_or(0, |prompt| prompt.chars().count());
        if found > usize::from(limits.characters) {
            faults.push(ExtInfoFault::ShotPrompt { shot: index + 1, found, most: limits.characters });
        }
    }
    if let (Some(shots), Some(video)) = (sum, video)
        && shots as f64 != video
    {
        faults.push(ExtInfoFault::ShotSum { shots, video });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kling, Model, SceneType, VideoRequest};

    fn said(model: impl Into<Model>, scene: Option<SceneType>, ext_info: ExtInfo, seconds: Option<u32>) -> Vec<String> {
        let mut builder = VideoRequest::builder(model).prompt("p").ext_info(ext_info);
        if let Some(scene) = scene {
            builder = builder.scene_type(scene);
        }
        if let Some(seconds) = seconds {
            builder = builder.duration(seconds);
        }
        builder.build().err().iter().flat_map(|error| error.faults()).map(ToString::to_string).collect()
    }

    #[test]
    fn shots_are_counted_and_last_as_long_as_the_video() {
        let shots = |lengths: &[u32]| ExtInfo::new().multi_shot(lengths.iter().map(|it| Shot::new("a panda", *it)));
        let said = |ext_info, seconds| said(Kling::V3_0, None, ext_info, seconds);
        assert_eq!(said(shots(&[2, 3]), Some(5)), [""; 0]);
        assert_eq!(said(shots(&[2, 3]), None), [""; 0], "the default is 5");
        assert_eq!(
            said(shots(&[2, 3]), Some(6)),
            ["the shots in ExtInfo last 5 seconds and the video 6; make them the same"]
        );
        assert_eq!(said(shots(&[1; 6]), Some(6)), [""; 0]);
        assert_eq!(said(shots(&[1; 7]), Some(7)), ["ExtInfo has 7 shots; it takes 1 to 6"]);
        assert_eq!(said(shots(&[]), Some(5)), ["ExtInfo has 0 shots; it takes 1 to 6"]);
        assert_eq!(
            said(shots(&[5, 0]), Some(5)),
            ["shot 2 in ExtInfo has no length; give it whole seconds, at least 1"]
        );
        assert_eq!(
            said(ExtInfo::new().multi_shot([Shot::new("熊".repeat(513), 5)]), None),
            ["the prompt of shot 1 in ExtInfo has 513 characters; it takes at most 512"]
        );
        assert_eq!(said(ExtInfo::new().intelligent_shots(), Some(5)), [""; 0]);
        let huge = json!([{ "duration": u64::MAX }, { "duration": u64::MAX }]);
        assert_eq!(said(ExtInfo::new().with("multi_shot", true).with("multi_prompt", huge), Some(5)), [""; 0]);
    }

    #[test]
    fn a_scene_needs_its_parameters() {
        let said = |scene, ext_info| said(Kling::V2_6, Some(scene), ext_info, None);
        let sound = "SceneType avatar_i2v needs exactly one of sound_file, audio_id in ExtInfo";
        assert_eq!(said(SceneType::AvatarI2v, ExtInfo::new()), [sound]);
        assert_eq!(said(SceneType::AvatarI2v, ExtInfo::new().sound_file("")), [sound]);
        assert_eq!(said(SceneType::AvatarI2v, ExtInfo::new().sound_file("https://a/b.mp3").audio_id("1")), [sound]);
        assert_eq!(said(SceneType::AvatarI2v, ExtInfo::new().audio_id("1")), [""; 0]);
        let session = "SceneType lip_sync needs session_id and face_choose in ExtInfo";
        assert_eq!(said(SceneType::LipSync, ExtInfo::new()), [session]);
        assert_eq!(said(SceneType::LipSync, ExtInfo::new().lip_sync("1", [])), [session]);
        assert_eq!(said(SceneType::LipSync, ExtInfo::new().lip_sync("1", [FaceChoice::new("0")])), [""; 0]);
        assert_eq!(said(SceneType::MotionControl, ExtInfo::new()), [""; 0]);
    }

    #[test]
    fn a_text_that_is_no_json_is_an_error_that_shows_nothing_of_it() {
        for (text, place) in [
            ("myextinfo", "ExtInfo must be"),
            ("[1]", "ExtInfo must be"),
            (r#"{"AdditionalParameters":"secret"}"#, "the AdditionalParameters of ExtInfo must be"),
            (r#"{"AdditionalParameters":7}"#, "the AdditionalParameters of ExtInfo must be"),
        ] {
            let error = text.parse::<ExtInfo>().expect_err("it is not valid").to_string();
            assert!(error.starts_with(place) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_read_is_written_again_and_what_is_added_replaces() {
        let text =
            r#"{"AdditionalParameters":"{\"a\":\"\\\"quoted\\\" \\\\ 熊\",\"b\":[1,{\"c\":null}]}","Z":{"y":1}}"#;
        let read: ExtInfo = text.parse().expect("it is ExtInfo");
        assert_eq!(read.to_string(), text);
        assert_eq!(read.clone().with("a", 1).parameter("a"), Some(&json!(1)));
        assert_eq!(read.beside("Z", 2).to_string().matches("\"Z\":2").count(), 1);
        let as_object: ExtInfo = r#"{"AdditionalParameters":{"a":1}}"#.parse().expect("an object is taken too");
        assert_eq!(as_object.to_string(), r#"{"AdditionalParameters":"{\"a\":1}"}"#);
        assert_eq!(ExtInfo::new().to_string(), "{}");
    }
}
