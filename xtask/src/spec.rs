//! The hand-written facts under `spec/`, read and judged before anything is made of them.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};

/// Everything under `spec/`.
pub(crate) struct Spec {
    pub(crate) models: Models,
    pub(crate) errors: Errors,
    /// The API files by name, for example `video`.
    pub(crate) api: IndexMap<String, Api>,
}

/// Where facts come from: a short name and what stands behind it.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Sources(IndexMap<String, String>);

/// The capability table.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Models {
    /// What a row may name in `resolutions`.
    pub(crate) resolutions: IndexMap<String, Resolution>,
    /// What the service renders where a request names none.
    pub(crate) default_resolution: DefaultResolution,
    /// What a scene type works from beside a prompt, by the word of `SceneType`.
    #[serde(default)]
    pub(crate) scene_types: IndexMap<String, SceneInputs>,
    /// The model families by their name on the wire.
    pub(crate) families: IndexMap<String, Family>,
}

/// One size of video.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    /// The shorter side in pixels.
    pub(crate) short_side: u16,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// The resolution of a request that names none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultResolution {
    /// One of `resolutions`.
    pub(crate) value: String,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// One model family.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Family {
    /// The name that people know it by.
    pub(crate) title: String,
    /// The cells of every row that does not fill them itself.
    pub(crate) every_version: Option<Row>,
    /// The rows by the vendor's version string, always quoted.
    pub(crate) versions: IndexMap<String, Row>,
}

/// What one version can do. A cell that is left out is not checked.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The version on the wire, where that is not the row's key.
    pub(crate) wire: Option<String>,
    /// Whether it has the cells of `every_version` too; true where it is left out.
    pub(crate) inherits: Option<bool>,
    /// Whether it makes video from a prompt alone.
    pub(crate) text_to_video: Option<bool>,
    /// Whether it makes video from an image.
    pub(crate) image_to_video: Option<bool>,
    /// The most images that it takes.
    pub(crate) max_images: Option<u8>,
    /// Whether and when it takes a last frame.
    pub(crate) last_frame: Option<LastFrame>,
    /// The resolutions that may be asked for, in the spelling that goes out.
    pub(crate) resolutions: Option<Vec<String>>,
    /// Where the size goes, for a version that takes no resolution.
    pub(crate) size: Option<Size>,
    /// The lengths in seconds.
    pub(crate) durations: Option<Durations>,
    /// The length in seconds that the service makes where a request names none.
    pub(crate) default_duration: Option<u32>,
    /// The aspect ratios: words of `AspectRatio`.
    pub(crate) ratios: Option<Ratios>,
    /// Whether it makes sound.
    pub(crate) audio: Option<bool>,
    /// The scene types that it takes: words of `SceneType`.
    pub(crate) scenes: Option<Scenes>,
    /// Whether it works from references only.
    pub(crate) references: Option<References>,
    /// The storage modes that it takes: words of `StorageMode`.
    pub(crate) storage: Option<Vec<String>>,
    /// The shots that `ExtInfo` may describe.
    pub(crate) shots: Option<Shots>,
    /// How a prompt refers to inputs.
    pub(crate) prompt_references: Option<PromptReferences>,
    /// Where the row comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
    /// The Rust name, where the one made from the version will not do.
    pub(crate) variant: Option<String>,
}

/// Whether and when a version takes a last frame.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum LastFrame {
    /// Never, or always.
    Word(LastFrameWord),
    /// Only at these resolutions.
    At(LastFrameAt),
    /// Only with so many images at the most.
    MaxImages(LastFrameMaxImages),
}

/// A last frame without conditions.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LastFrameWord {
    /// It takes none.
    None,
    /// It takes one with any other setting.
    Any,
}

/// A last frame at some resolutions only.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastFrameAt {
    /// The resolutions.
    pub(crate) at: Vec<String>,
}

/// A last frame with few images only.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastFrameMaxImages {
    /// The most images, the first frame among them.
    pub(crate) max_images: u8,
}

/// Where the size of a version goes that takes no resolution.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Size {
    /// The keys in `ExtInfo`.
    pub(crate) ext_info: Vec<String>,
}

/// The lengths that a version makes, in seconds.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Durations {
    /// These.
    List(Vec<u32>),
    /// Any within a range.
    Range(DurationRange),
}

/// A range of lengths, both ends included.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DurationRange {
    /// The shortest.
    pub(crate) from: u32,
    /// The longest.
    pub(crate) to: u32,
    /// Whether only whole seconds are taken.
    #[serde(default)]
    pub(crate) whole: bool,
}

/// The aspect ratios of a version.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Ratios {
    /// Whatever the video is made from.
    Always(Vec<String>),
    /// By what it is made from.
    By(RatiosBy),
}

/// The aspect ratios by what the video is made from.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatiosBy {
    /// From a prompt alone.
    pub(crate) text: Option<Vec<String>>,
    /// From references.
    pub(crate) reference: Option<Vec<String>>,
}

/// The scene types of a version.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Scenes {
    /// Not any.
    Word(ScenesWord),
    /// These.
    List(Vec<String>),
}

/// No scene type.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScenesWord {
    /// It takes none.
    None,
}

/// Whether a version works from references only.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum References {
    /// It needs one, and every file must be one.
    Required,
}

/// The shots that `ExtInfo` may describe.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shots {
    /// The most of them.
    pub(crate) most: u8,
    /// The most characters of the prompt of one.
    pub(crate) characters: u16,
}

/// How a prompt refers to inputs.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromptReferences {
    /// `<<<image_1>>>`.
    Numbered,
    /// `[@name]` and `@id`.
    Bracketed,
    /// `@name` and a blank.
    Spaced,
}

/// What a scene type works from beside a prompt.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SceneInputs {
    /// The files: words of `FileCategory`.
    #[serde(default)]
    pub(crate) files: Vec<String>,
    /// Keys in the parameters of `ExtInfo` of which exactly one is needed.
    #[serde(default)]
    pub(crate) one_of: Vec<String>,
    /// Keys in the parameters of `ExtInfo` that are needed.
    #[serde(default)]
    pub(crate) all_of: Vec<String>,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// The error codes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    /// The classes that codes fall into, each with what it means.
    pub(crate) classes: IndexMap<String, String>,
    /// The codes as the service writes them.
    pub(crate) codes: IndexMap<String, ErrorRow>,
    /// What holds for a code that has no known parent.
    pub(crate) fallback: ErrorRow,
}

/// What one error code means.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorRow {
    /// One of `classes`.
    pub(crate) class: String,
    /// What a paid request that got this answer has come to.
    pub(crate) create: OnCreate,
    /// What a request that only reads may do.
    pub(crate) read: OnRead,
    /// What a person should do next.
    pub(crate) next: String,
    /// Where the row comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// What a paid request has come to.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnCreate {
    /// Nothing was started; the same request would be refused again.
    Refused,
    /// Nothing was started; the same request may be sent again after the stated step.
    Again,
    /// A task may have been started and billed.
    Unclear,
    /// An earlier send of the same request was accepted.
    Taken,
}

/// What a request that only reads may do.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnRead {
    /// Give up.
    Stop,
    /// Ask again.
    Retry,
}

/// The shapes of some actions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    /// The service that serves the actions.
    pub(crate) service: String,
    /// The API version.
    pub(crate) version: String,
    /// The feature that the generated module needs; none where every build has it.
    pub(crate) feature: Option<Feature>,
    /// Numbers that hold for the actions.
    #[serde(default)]
    pub(crate) constants: IndexMap<String, Constant>,
    /// The actions by name.
    #[serde(default)]
    pub(crate) actions: IndexMap<String, Action>,
    /// The shapes by name.
    #[serde(rename = "$defs")]
    pub(crate) definitions: IndexMap<String, Definition>,
}

/// A feature of core's Cargo.toml that stands for one area.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Feature {
    /// Pictures.
    Image,
    /// Pictures and videos of a scene that the service offers.
    Scene,
    /// Videos in another style.
    Redraw,
    /// Sounds and voices.
    Audio,
    /// Bodies in three dimensions.
    #[serde(rename = "hunyuan-3d")]
    Hunyuan3D,
    /// Elements, subjects and voices that requests may name.
    Elements,
    /// Faces in a picture or a video.
    Face,
    /// Quotas, tokens and usage.
    Account,
    /// Media files and their upload.
    Upload,
}

/// A number that holds for the actions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constant {
    /// The number.
    pub(crate) value: u64,
    /// What it says and its unit.
    pub(crate) description: String,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// One action.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    /// What an accepted request does.
    pub(crate) effect: Effect,
    /// The shape of the request.
    pub(crate) request: String,
    /// The shape of the reply beside its `RequestId`.
    pub(crate) reply: String,
    /// The member of the request by which the service recognises a repeated one.
    pub(crate) session_id: Option<String>,
    /// The shape that holds its task in DescribeTaskDetail's reply, where it starts one.
    pub(crate) task: Option<String>,
    /// Whether its request has a `check` of its own, which knows more rules than the limits of members.
    #[serde(default)]
    pub(crate) rules: bool,
    /// Where the shapes come from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// What an accepted request does.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// It only reads.
    Read,
    /// It changes something and costs nothing.
    Write,
    /// It costs money.
    Paid,
}

/// One shape: an object with properties, or a string with known values.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// What it is.
    pub(crate) description: String,
    /// Object or string.
    #[serde(rename = "type")]
    pub(crate) kind: DefinitionKind,
    /// The properties that a request must have.
    #[serde(default)]
    pub(crate) required: Vec<String>,
    /// The members in the order of the vendor's documentation.
    #[serde(default)]
    pub(crate) properties: IndexMap<String, Property>,
    /// The known values of a string. The service may add others.
    #[serde(default, rename = "oneOf")]
    pub(crate) values: Vec<KnownValue>,
    /// The value that holds where none is given.
    pub(crate) default: Option<String>,
}

/// Object or string.
#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DefinitionKind {
    /// With members.
    Object,
    /// With known values.
    String,
}

/// One known value of a string.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownValue {
    /// The value on the wire.
    #[serde(rename = "const")]
    pub(crate) value: String,
    /// The Rust name, where the one made from the value will not do.
    #[serde(rename = "x-name")]
    pub(crate) name: Option<String>,
    /// What it means.
    pub(crate) description: String,
}

/// One member of an object.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Property {
    /// What it is, its unit and its limits.
    pub(crate) description: String,
    /// The shape that it has: `#/$defs/NAME`, `FILE.yaml#/$defs/NAME` or `../errors.yaml`.
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    /// The JSON type, where it has no shape of its own.
    #[serde(rename = "type")]
    pub(crate) kind: Option<PropertyKind>,
    /// The width of a number, or that a text is a secret.
    pub(crate) format: Option<Format>,
    /// What an array holds.
    pub(crate) items: Option<Items>,
    /// The fewest characters of a text.
    #[serde(rename = "minLength")]
    pub(crate) min_length: Option<u32>,
    /// The most characters of a text.
    #[serde(rename = "maxLength")]
    pub(crate) max_length: Option<u32>,
    /// The fewest items of an array.
    #[serde(rename = "minItems")]
    pub(crate) min_items: Option<u32>,
    /// The most items of an array.
    #[serde(rename = "maxItems")]
    pub(crate) max_items: Option<u32>,
    /// The smallest number.
    pub(crate) minimum: Option<Number>,
    /// The largest number.
    pub(crate) maximum: Option<Number>,
    /// What holds where the member is left out.
    pub(crate) default: Option<serde_json::Value>,
}

/// The JSON type of a member.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PropertyKind {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    Array,
}

/// The width of a number, or that a text is a secret.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// 64 bits with a sign.
    Int64,
    /// 64 bits without a sign.
    Uint64,
    /// 64-bit floating point.
    Double,
    /// A secret, which is not shown.
    Password,
}

/// What an array holds: a shape, texts or numbers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Items {
    /// The shape, as in a member.
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    /// The JSON type, where it has no shape of its own.
    #[serde(rename = "type")]
    pub(crate) kind: Option<PropertyKind>,
    /// The width of a number, or that a text is a secret.
    pub(crate) format: Option<Format>,
}

impl Feature {
    /// The name in core's Cargo.toml.
    pub(crate) fn name(self) -> String {
        json!(self).as_str().map(str::to_owned).unwrap_or_default()
    }
}

impl Property {
    /// The name of the shape that it or its items have.
    pub(crate) fn shape(&self) -> Option<&str> {
        let of_items = || self.items.as_ref()?.reference.as_deref();
        shape_name(self.reference.as_deref().or_else(of_items)?)
    }

    /// Whether it or its items are secrets.
    pub(crate) fn is_secret(&self) -> bool {
        let of_items = self.items.as_ref().and_then(|items| items.format);
        self.format.or(of_items) == Some(Format::Password)
    }

    /// The fewest and the most characters or items, as a Rust range; `None` where there is no limit.
    pub(crate) fn length(&self) -> Option<String> {
        range(self.min_length.or(self.min_items), self.max_length.or(self.max_items))
    }

    /// The smallest and the largest number, as a Rust range; `None` where there is no limit.
    pub(crate) fn range(&self) -> Option<String> {
        let bound = |number: &Option<Number>| match (number, self.kind) {
            // A literal of the member's own type.
            (Some(number), Some(PropertyKind::Number)) => number.as_f64().map(|number| format!("{number:?}")),
            (number, _) => number.as_ref().map(Number::to_string),
        };
        range(bound(&self.minimum), bound(&self.maximum))
    }
}

fn range<T: Display>(low: Option<T>, high: Option<T>) -> Option<String> {
    match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low}..={high}")),
        (Some(low), None) => Some(format!("{low}..")),
        (None, Some(high)) => Some(format!("..={high}")),
        (None, None) => None,
    }
}

/// The last part of a reference: `X` of `video.yaml#/$defs/X`.
pub(crate) fn shape_name(reference: &str) -> Option<&str> {
    if reference == ERROR_CODES {
        return Some("ErrorCode");
    }
    Some(reference.split_once("#/$defs/")?.1)
}

/// The shape that holds the details of every kind of task.
pub(crate) const TASK_REPLY: &str = "DescribeTaskDetailResponse";

/// The shape that holds those of a task that has ended.
pub(crate) const EVENT: &str = "EventContent";

/// How a member says that it holds an error code.
pub(crate) const ERROR_CODES: &str = "../errors.yaml";

impl Spec {
    /// Reads and judges `spec/`. The first mistake is the error; it names the file and the row or the line.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let sources: Sources = read(root, "spec/sources.yaml")?;
        let models: Models = read(root, "spec/models.yaml")?;
        let errors: Errors = read(root, "spec/errors.yaml")?;
        let mut names: Vec<String> = fs::read_dir(root.join("spec/api"))
            .context("spec/api")?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        names.sort();
        let mut api = IndexMap::new();
        for name in names {
            let Some(stem) = name.strip_suffix(".yaml") else {
                bail!("spec/api/{name}: only .yaml files belong here");
            };
            api.insert(stem.to_owned(), read(root, &format!("spec/api/{name}"))?);
        }
        let mut spec = Self { models, errors, api };
        spec.models.inherit();
        spec.judge_models(&sources).context("spec/models.yaml")?;
        spec.judge_errors(&sources).context("spec/errors.yaml")?;
        spec.judge_api(&sources).context("spec/api")?;
        Ok(spec)
    }

    fn judge_models(&self, sources: &Sources) -> Result<()> {
        let models = &self.models;
        let known = |name: &String| models.resolution(name).is_some();
        let list = || models.resolutions.keys().cloned().collect::<Vec<_>>().join(", ");
        for (name, resolution) in &models.resolutions {
            sources.judge(name, &resolution.source)?;
        }
        let default = &models.default_resolution;
        sources.judge("default_resolution", &default.source)?;
        ensure!(known(&default.value), "default_resolution: {} is not one of {}", default.value, list());
        for (scene, inputs) in &models.scene_types {
            sources.judge(scene, &inputs.source)?;
            self.judge_words([("SceneType", vec![scene]), ("FileCategory", inputs.files.iter().collect())])
                .with_context(|| format!("scene_types: {scene}"))?;
        }
        for (family, Family { versions, every_version, .. }) in &models.families {
            ensure!(!versions.is_empty(), "{family}: a family needs a version");
            if let Some(every) = every_version {
                sources.judge(&format!("{family}: every_version"), &every.source)?;
                ensure!(
                    every.wire.is_none() && every.variant.is_none() && every.inherits.is_none(),
                    "{family}: `wire`, `variant` and `inherits` are of one version, not of every_version"
                );
            }
            let mut variants = BTreeSet::new();
            let mut folded = BTreeSet::new();
            for (version, row) in versions {
                let at = format!("{family} {version}");
                sources.judge(&at, &row.source)?;
                let variant = row.variant(version);
                ensure!(is_rust_name(&variant), "{at}: {variant} is no Rust name; set `variant`");
                ensure!(
                    variants.insert(variant.clone()),
                    "{at}: another version of {family} is named {variant} too; set `variant`"
                );
                let wire = row.wire.as_ref().filter(|wire| !wire.eq_ignore_ascii_case(version));
                for name in [version].into_iter().chain(wire) {
                    ensure!(
                        folded.insert(name.to_lowercase()),
                        "{at}: another version of {family} differs by case only"
                    );
                }
                for name in row.resolutions.iter().flatten() {
                    ensure!(known(name), "{at}: {name} is not one of {}", list());
                }
                self.judge_words(row.words()).with_context(|| at.clone())?;
                row.judge().with_context(|| at)?;
            }
        }
        Ok(())
    }

    /// The words of cells must be known values of the shapes that they are of.
    fn judge_words<const N: usize>(&self, cells: [(&str, Vec<&String>); N]) -> Result<()> {
        for (shape, words) in cells {
            let definition = self.api.values().find_map(|api| api.definitions.get(shape));
            let values = definition.map(|it| it.values.as_slice()).unwrap_or_default();
            for word in words {
                ensure!(values.iter().any(|it| it.value == *word), "{word} is no known value of {shape}");
            }
        }
        Ok(())
    }

    fn judge_errors(&self, sources: &Sources) -> Result<()> {
        let rows = self.errors.codes.iter().map(|(code, row)| (code.as_str(), row));
        for (code, row) in rows.chain([("fallback", &self.errors.fallback)]) {
            sources.judge(code, &row.source)?;
            ensure!(self.errors.classes.contains_key(&row.class), "{code}: {} is not one of the classes", row.class);
        }
        Ok(())
    }

    fn judge_api(&self, sources: &Sources) -> Result<()> {
        let mut names = BTreeSet::new();
        for (file, api) in &self.api {
            for (name, constant) in &api.constants {
                sources.judge(&format!("{file}.yaml: {name}"), &constant.source)?;
            }
            for (name, action) in &api.actions {
                let at = format!("{file}.yaml: {name}");
                sources.judge(&at, &action.source)?;
                for shape in [&action.request, &action.reply] {
                    ensure!(api.definitions.contains_key(shape), "{at}: there is no shape {shape}");
                }
                if let Some(member) = &action.session_id {
                    ensure!(
                        api.definitions[&action.request].properties.contains_key(member),
                        "{at}: {} has no member {member}",
                        action.request
                    );
                }
                if let Some(task) = &action.task {
                    let reply = &api.definitions[&action.reply];
                    ensure!(reply.properties.contains_key("TaskId"), "{at}: {} has no member TaskId", action.reply);
                    self.task_kind(task).with_context(|| at)?;
                }
            }
            for (name, definition) in &api.definitions {
                let at = format!("{file}.yaml: {name}");
                ensure!(names.insert(name.as_str()), "{at}: another file defines this name too");
                definition.judge().with_context(|| at.clone())?;
                for (member, property) in &definition.properties {
                    let at = format!("{at}.{member}");
                    self.judge_property(file, property).with_context(|| at.clone())?;
                    let gated = property.shape().is_some_and(|shape| self.gate(api.feature, shape).is_some());
                    ensure!(
                        !gated || !definition.required.contains(member),
                        "{at}: a required member takes no shape of another feature"
                    );
                }
            }
        }
        Ok(())
    }

    fn judge_property(&self, file: &str, property: &Property) -> Result<()> {
        ensure!(property.reference.is_some() != property.kind.is_some(), "needs either a `type` or a `$ref`");
        ensure!(
            (property.kind == Some(PropertyKind::Array)) == property.items.is_some(),
            "`items` goes with `type: array`"
        );
        let text = property.items.as_ref().map_or(property.kind, |items| items.kind) == Some(PropertyKind::String);
        ensure!(text || !property.is_secret(), "`format: password` goes with `type: string`");
        let references =
            [property.reference.as_deref(), property.items.as_ref().and_then(|items| items.reference.as_deref())];
        for reference in references.into_iter().flatten().filter(|&it| it != ERROR_CODES) {
            let (target, name) =
                reference.split_once("#/$defs/").with_context(|| format!("{reference} is no reference"))?;
            let target = target.strip_suffix(".yaml").unwrap_or(file);
            let definition = self
                .api
                .get(target)
                .and_then(|api| api.definitions.get(name))
                .with_context(|| format!("there is no shape {reference}"))?;
            if let (Some(default), DefinitionKind::String) = (&property.default, definition.kind) {
                ensure!(
                    definition.values.iter().any(|it| *default == it.value),
                    "the default {default} is not one of the values of {name}"
                );
            }
        }
        let number = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_f64);
        let (low, high) = (number(&property.minimum), number(&property.maximum));
        if let Some(default) = property.default.as_ref().and_then(serde_json::Value::as_f64) {
            let inside = low.is_none_or(|low| low <= default) && high.is_none_or(|high| default <= high);
            ensure!(inside, "the default {default} is not within {}", property.range().unwrap_or_default());
        }
        let fits = |on: &[PropertyKind]| property.kind.is_some_and(|kind| on.contains(&kind));
        for (limit, is_set, on) in [
            (
                "minLength` and `maxLength",
                property.min_length.or(property.max_length).is_some(),
                &[PropertyKind::String][..],
            ),
            ("minItems` and `maxItems", property.min_items.or(property.max_items).is_some(), &[PropertyKind::Array]),
            ("minimum` and `maximum", low.or(high).is_some(), &[PropertyKind::Integer, PropertyKind::Number]),
        ] {
            ensure!(!is_set || fits(on), "`{limit}` do not go with this type");
        }
        let whole = |bound: &Option<Number>| bound.as_ref().is_none_or(Number::is_i64);
        ensure!(
            property.kind == Some(PropertyKind::Number) || whole(&property.minimum) && whole(&property.maximum),
            "the limits of a whole number are whole numbers"
        );
        Ok(())
    }

    /// The feature that a member of this shape needs beyond that of its own file.
    pub(crate) fn gate(&self, own: Option<Feature>, shape: &str) -> Option<Feature> {
        let file = self.api.values().find(|file| file.definitions.contains_key(shape))?;
        file.feature.filter(|feature| Some(*feature) != own)
    }

    /// How the service speaks of the tasks whose details are a `shape`.
    pub(crate) fn task_kind<'a>(&'a self, shape: &'a str) -> Result<TaskKind<'a>> {
        let member_of = |holder: &str| {
            let mut members = self.definition(holder)?.properties.iter();
            members.find(|(_, property)| property.shape() == Some(shape)).map(|(member, _)| member.as_str())
        };
        let member = member_of(TASK_REPLY).with_context(|| format!("{TASK_REPLY} has no member of shape {shape}"))?;
        let details = self.definition(shape).with_context(|| format!("there is no shape {shape}"))?;
        let holds = |member: &str| details.properties.get(member).and_then(Property::shape);
        ensure!(holds("Status") == Some("AigcTaskStatus"), "the Status of {shape} is no AigcTaskStatus");
        // What a pulled file is stands beside its task's status.
        let output = holds("Output").unwrap_or(shape);
        // Some words leave out the `Task` that ends the shape's name.
        let names = [Some(shape), shape.strip_suffix("Task")];
        let words = &self.definition("TaskType").context("there is no TaskType")?.values;
        let word = words.iter().find(|word| names.contains(&Some(word.value.as_str())));
        let word = word.with_context(|| format!("no word of TaskType names {shape}"))?;
        Ok(TaskKind { word: &word.value, details, output, member, event: member_of(EVENT) })
    }

    fn definition(&self, name: &str) -> Option<&Definition> {
        self.api.values().find_map(|file| file.definitions.get(name))
    }
}

/// How the service speaks of one kind of task.
pub(crate) struct TaskKind<'a> {
    /// Its word of TaskType.
    pub(crate) word: &'a str,
    /// Its details.
    pub(crate) details: &'a Definition,
    /// The shape of what it makes.
    pub(crate) output: &'a str,
    /// The member of [`TASK_REPLY`] that holds the details.
    pub(crate) member: &'a str,
    /// The member of [`EVENT`] that holds them, where the queue has one.
    pub(crate) event: Option<&'a str>,
}

impl Sources {
    fn judge(&self, at: &str, named: &[String]) -> Result<()> {
        ensure!(!named.is_empty(), "{at}: a row needs a source");
        for name in named {
            ensure!(self.0.contains_key(name), "{at}: the source {name} is not in spec/sources.yaml");
        }
        Ok(())
    }
}

impl Models {
    /// Gives every row the cells of its family that it leaves out, and their sources.
    fn inherit(&mut self) {
        for family in self.families.values_mut() {
            let Some(every) = &family.every_version else {
                continue;
            };
            for row in family.versions.values_mut().filter(|row| row.inherits != Some(false)) {
                row.inherit(every);
            }
        }
    }

    /// The resolution of this name in any case, as the top of the file spells it.
    pub(crate) fn resolution(&self, name: &str) -> Option<&str> {
        self.resolutions.keys().map(String::as_str).find(|it| it.eq_ignore_ascii_case(name))
    }
}

impl Row {
    /// Fills the empty cells from `every`.
    fn inherit(&mut self, every: &Self) {
        fn fill<T: Clone>(cell: &mut Option<T>, every: &Option<T>) {
            if cell.is_none() {
                cell.clone_from(every);
            }
        }
        fill(&mut self.text_to_video, &every.text_to_video);
        fill(&mut self.image_to_video, &every.image_to_video);
        fill(&mut self.max_images, &every.max_images);
        fill(&mut self.last_frame, &every.last_frame);
        fill(&mut self.resolutions, &every.resolutions);
        fill(&mut self.size, &every.size);
        fill(&mut self.durations, &every.durations);
        fill(&mut self.default_duration, &every.default_duration);
        fill(&mut self.ratios, &every.ratios);
        fill(&mut self.audio, &every.audio);
        fill(&mut self.scenes, &every.scenes);
        fill(&mut self.references, &every.references);
        fill(&mut self.storage, &every.storage);
        fill(&mut self.shots, &every.shots);
        fill(&mut self.prompt_references, &every.prompt_references);
        // A row without a source of its own stays without one, and is refused for it.
        if !self.source.is_empty() {
            let new: Vec<_> = every.source.iter().filter(|name| !self.source.contains(name)).cloned().collect();
            self.source.extend(new);
        }
    }

    /// The words of the row by the shapes that they are of.
    fn words(&self) -> [(&'static str, Vec<&String>); 3] {
        [
            ("AspectRatio", self.ratio_words()),
            ("SceneType", self.scene_words().into_iter().flatten().collect()),
            ("StorageMode", self.storage.iter().flatten().collect()),
        ]
    }

    /// Every aspect ratio of the row.
    fn ratio_words(&self) -> Vec<&String> {
        match &self.ratios {
            None => Vec::new(),
            Some(Ratios::Always(words)) => words.iter().collect(),
            Some(Ratios::By(RatiosBy { text, reference })) => text.iter().chain(reference).flatten().collect(),
        }
    }

    /// The scene types, none of them where the row takes none.
    pub(crate) fn scene_words(&self) -> Option<&[String]> {
        match self.scenes.as_ref()? {
            Scenes::Word(ScenesWord::None) => Some(&[]),
            Scenes::List(words) => Some(words),
        }
    }

    /// The name of the version in Rust: `V2_1` for `2.1`, `Q2Turbo` for `q2-turbo`.
    pub(crate) fn variant(&self, version: &str) -> String {
        self.variant.clone().unwrap_or_else(|| variant_name(version))
    }

    fn judge(&self) -> Result<()> {
        if let (Some(image_to_video), Some(max_images)) = (self.image_to_video, self.max_images) {
            ensure!(
                image_to_video == (max_images > 0),
                "image_to_video is {image_to_video} but max_images is {max_images}"
            );
        }
        ensure!(
            self.text_to_video != Some(false) || self.image_to_video != Some(false),
            "a model must make video from something"
        );
        ensure!(self.resolutions.is_none() || self.size.is_none(), "a model with a `size` takes no `resolutions`");
        ensure!(self.size.as_ref().is_none_or(|size| !size.ext_info.is_empty()), "`size` names no key of ExtInfo");
        ensure!(
            self.references.is_none() || self.text_to_video != Some(true),
            "a model that needs references makes no video from text alone"
        );
        self.judge_durations()?;
        let Some(last_frame) = &self.last_frame else {
            return Ok(());
        };
        ensure!(
            matches!(last_frame, LastFrame::Word(LastFrameWord::None)) || self.image_to_video != Some(false),
            "a last frame needs image_to_video"
        );
        if let (LastFrame::At(LastFrameAt { at }), Some(resolutions)) = (last_frame, &self.resolutions) {
            for name in at {
                let among = resolutions.iter().any(|it| it.eq_ignore_ascii_case(name));
                ensure!(among, "the last frame's {name} is not one of the row's resolutions");
            }
        }
        if let (LastFrame::MaxImages(LastFrameMaxImages { max_images }), Some(most)) = (last_frame, self.max_images) {
            ensure!(*max_images > 0 && *max_images <= most, "the last frame's max_images is not within 1 and {most}");
        }
        Ok(())
    }

    fn judge_durations(&self) -> Result<()> {
        let takes = |seconds: u32| match &self.durations {
            None => true,
            Some(Durations::List(list)) => list.contains(&seconds),
            Some(Durations::Range(DurationRange { from, to, .. })) => (*from..=*to).contains(&seconds),
        };
        match &self.durations {
            Some(Durations::List(list)) => {
                ensure!(
                    !list.is_empty() && list.is_sorted_by(|one, next| one < next),
                    "`durations` must rise, from one length at least"
                );
            }
            Some(Durations::Range(DurationRange { from, to, .. })) => {
                ensure!(from < to, "`durations` from {from} to {to} is no range");
            }
            None => {}
        }
        if let Some(default) = self.default_duration {
            ensure!(takes(default), "the default_duration {default} is not one of the durations");
        }
        Ok(())
    }
}

impl Definition {
    fn judge(&self) -> Result<()> {
        match self.kind {
            DefinitionKind::Object => {
                ensure!(
                    self.values.is_empty() && self.default.is_none(),
                    "`oneOf` and `default` go with `type: string`"
                );
                for name in &self.required {
                    ensure!(self.properties.contains_key(name), "the required {name} is no property");
                }
            }
            DefinitionKind::String => {
                ensure!(
                    self.properties.is_empty() && self.required.is_empty(),
                    "`properties` and `required` go with `type: object`"
                );
                ensure!(!self.values.is_empty(), "a string shape needs `oneOf`");
                let mut names = BTreeSet::new();
                for value in &self.values {
                    ensure!(is_rust_name(&value.rust_name()), "{} is no Rust name; set `x-name`", value.value);
                    ensure!(
                        names.insert(value.rust_name()),
                        "two values are named {}; set `x-name`",
                        value.rust_name()
                    );
                }
                if let Some(default) = &self.default {
                    ensure!(
                        self.values.iter().any(|it| it.value == *default),
                        "the default {default} is not one of the values"
                    );
                }
            }
        }
        Ok(())
    }
}

impl KnownValue {
    /// The name of the value in Rust.
    pub(crate) fn rust_name(&self) -> String {
        use heck::ToUpperCamelCase as _;
        self.name.clone().unwrap_or_else(|| self.value.to_upper_camel_case())
    }
}

/// A vendor's version string as a Rust name: words in capitals, words with digits in upper case, a leading digit behind
/// a `V`, a point between digits as `_`.
fn variant_name(version: &str) -> String {
    let mut name = String::new();
    for word in version.split(['-', '_', ' ']) {
        // `3.0pro` is a number and a word, `3d` and `i2v` are one word each.
        let number = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let (number, rest) = match &word[..number] {
            dotted if dotted.contains('.') => word.split_at(number),
            _ => ("", word),
        };
        for part in [number, rest].into_iter().filter(|part| !part.is_empty()) {
            let part = part.replace('.', "_");
            if part.starts_with(|c: char| c.is_ascii_digit()) {
                name.push_str(if name.is_empty() { "V" } else { "_" });
            }
            if part.contains(|c: char| c.is_ascii_digit()) {
                name.push_str(&part.to_uppercase());
            } else {
                let mut letters = part.chars();
                name.extend(letters.next().map(|c| c.to_ascii_uppercase()));
                name.push_str(&letters.as_str().to_lowercase());
            }
        }
    }
    name
}

fn is_rust_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads one YAML file. Through `Value`, because only that way a repeated key is an error.
pub(crate) fn read<T: DeserializeOwned>(root: &Path, path: &str) -> Result<T> {
    let text = fs::read_to_string(root.join(path)).with_context(|| path.to_owned())?;
    parse(&text).with_context(|| path.to_owned())
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    let value: serde_yaml::Value = serde_yaml::from_str(text)?;
    serde_path_to_error::deserialize(value).map_err(|error| anyhow!("{}: {}", error.path(), error.inner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Spec {
        /// A spec of one model family and one API file.
        fn of(models: &str, api: &str) -> Result<Self> {
            let mut spec = Self {
                models: parse(models)?,
                errors: parse(
                    "{ classes: {}, codes: {}, fallback: { class: a, create: refused, read: stop, next: b, source: [card] } }",
                )?,
                api: IndexMap::from([("file".to_owned(), parse(api)?)]),
            };
            spec.models.inherit();
            let sources: Sources = parse("{ card: The card., api: The description. }")?;
            spec.judge_models(&sources)?;
            spec.judge_api(&sources)?;
            Ok(spec)
        }

        /// A spec of one API file, named `file`.
        pub(crate) fn of_api(text: &str) -> Result<Self> {
            let models = "{ resolutions: { P: { short_side: 1, source: [card] } }, default_resolution: { value: P, source: [card] }, families: {} }";
            Self::of(models, text)
        }
    }

    fn models(rows: &str) -> Result<Spec> {
        let text = format!(
            "resolutions: {{ 720P: {{ short_side: 720, source: [card] }}, 1080P: {{ short_side: 1080, source: [card] }} }}\n\
             default_resolution: {{ value: 720P, source: [card] }}\n\
             families: {{ Kling: {{ title: Kling, every_version: {{ audio: true, durations: [5, 10], source: [api] }}, versions: {{ {rows} }} }} }}"
        );
        let words = "service: vod\nversion: '1'\n$defs:\n\
             \x20 AspectRatio: { description: d, type: string, oneOf: [{ const: '16:9', description: a, x-name: R16x9 }, { const: '1:1', description: b, x-name: R1x1 }] }\n\
             \x20 SceneType: { description: d, type: string, oneOf: [{ const: lip_sync, description: a }] }";
        Spec::of(&text, words)
    }

    #[track_caller]
    fn refused(rows: &str, sentence: &str) {
        let error = format!("{:#}", models(rows).err().expect("the row is wrong"));
        assert!(error.contains(sentence), "{error}");
    }

    #[test]
    fn every_version_of_the_card_has_the_rust_name_that_its_users_write() {
        for (version, name) in [
            ("02", "V02"),
            ("2.3-fast", "V2_3Fast"),
            ("1.6", "V1_6"),
            ("o1", "O1"),
            ("q2-turbo", "Q2Turbo"),
            ("3.0pro", "V3_0Pro"),
            ("1.0-lite-i2v", "V1_0LiteI2V"),
            ("H3_regen", "H3Regen"),
            ("3d_2.0", "V3D_2_0"),
            ("v5.6", "V5_6"),
            ("3.0-Omni", "V3_0Omni"),
        ] {
            assert_eq!(variant_name(version), name, "{version}");
        }
    }

    #[test]
    fn a_row_with_every_cell_is_taken_and_so_is_one_with_none() {
        assert!(models("'1': { source: [card] }").is_ok());
        assert!(
            models("'1': { wire: x, text_to_video: true, image_to_video: true, max_images: 3, last_frame: { at: [720P] }, resolutions: [720p], durations: { from: 1, to: 2, whole: true }, default_duration: 1, ratios: ['16:9'], audio: true, scenes: none, variant: V1, source: [card] }")
                .is_ok()
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_row() {
        refused("'2.1': { max_imges: 1, source: [card] }", "families.Kling.versions.2.1");
        refused("'2.1': { max_imges: 1, source: [card] }", "unknown field `max_imges`");
    }

    #[test]
    fn a_row_without_a_source_is_refused() {
        refused("'2.1': { max_images: 1 }", "missing field `source`");
        refused("'2.1': { source: [] }", "Kling 2.1: a row needs a source");
        refused("'2.1': { source: [hearsay] }", "Kling 2.1: the source hearsay is not in spec/sources.yaml");
    }

    #[test]
    fn two_versions_that_give_one_name_are_refused() {
        refused(
            "'2.1': { source: [card] }, '2_1': { source: [card] }",
            "Kling 2_1: another version of Kling is named V2_1 too",
        );
        refused(
            "'o1': { source: [card] }, 'O1': { source: [card], variant: P1 }",
            "Kling O1: another version of Kling differs by case only",
        );
    }

    #[test]
    fn a_repeated_key_is_refused_with_its_line() {
        refused("'2.1': { source: [card] }, '2.1': { source: [card] }", "duplicate entry with key \"2.1\"");
    }

    #[test]
    fn an_unquoted_version_is_refused() {
        refused("2.10: { source: [card] }", "invalid type: floating point `2.1`");
    }

    #[test]
    fn cells_that_contradict_each_other_are_refused() {
        refused(
            "'1': { image_to_video: false, max_images: 1, source: [card] }",
            "Kling 1: image_to_video is false but max_images is 1",
        );
        refused(
            "'1': { last_frame: { at: [1080P] }, resolutions: [720P], source: [card] }",
            "Kling 1: the last frame's 1080P",
        );
        refused("'1': { resolutions: [8K], source: [card] }", "Kling 1: 8K is not one of 720P, 1080P");
        refused(
            "'1': { text_to_video: false, image_to_video: false, source: [card] }",
            "a model must make video from something",
        );
        refused(
            "'1': { resolutions: [720P], size: { ext_info: [size] }, source: [card] }",
            "Kling 1: a model with a `size` takes no `resolutions`",
        );
        refused(
            "'1': { text_to_video: true, references: required, source: [card] }",
            "Kling 1: a model that needs references",
        );
    }

    #[test]
    fn a_row_takes_the_cells_of_its_family_that_it_leaves_out_and_their_sources() {
        let spec =
            models("'1': { audio: false, source: [card] }, '2': { inherits: false, source: [card] }").expect("fine");
        let rows = &spec.models.families["Kling"].versions;
        assert_eq!(rows["1"].audio, Some(false));
        assert!(matches!(&rows["1"].durations, Some(Durations::List(list)) if *list == [5, 10]));
        assert_eq!(rows["1"].source, ["card", "api"]);
        assert!(rows["2"].audio.is_none() && rows["2"].durations.is_none() && rows["2"].source == ["card"]);
    }

    #[test]
    fn a_word_that_is_no_known_value_of_its_member_is_refused() {
        assert!(models("'1': { ratios: { text: ['1:1'] }, scenes: [lip_sync], source: [card] }").is_ok());
        refused("'1': { ratios: ['7:3'], source: [card] }", "Kling 1: 7:3 is no known value of AspectRatio");
        refused("'1': { ratios: { reference: ['7:3'] }, source: [card] }", "7:3 is no known value of AspectRatio");
        refused("'1': { scenes: [lip-sync], source: [card] }", "Kling 1: lip-sync is no known value of SceneType");
        refused("'1': { storage: [Forever], source: [card] }", "Kling 1: Forever is no known value of StorageMode");
    }

    #[test]
    fn lengths_that_are_none_are_refused() {
        refused("'1': { durations: [10, 5], source: [card] }", "Kling 1: `durations` must rise");
        refused("'1': { durations: [], source: [card] }", "Kling 1: `durations` must rise");
        refused("'1': { durations: { from: 5, to: 5 }, source: [card] }", "`durations` from 5 to 5 is no range");
        refused("'1': { default_duration: 7, source: [card] }", "the default_duration 7 is not one of the durations");
    }

    #[test]
    fn a_spelling_that_another_version_has_is_refused() {
        assert!(models("'o1': { wire: O1, source: [card] }").is_ok());
        refused(
            "'1': { wire: '2', source: [card] }, '2': { source: [card] }",
            "another version of Kling differs by case only",
        );
    }

    #[test]
    fn a_default_outside_its_set_is_refused() {
        let definition: Definition =
            parse("{ description: d, type: string, default: C, oneOf: [{ const: A, description: a }] }")
                .expect("it has the right form");
        assert_eq!(
            definition.judge().expect_err("C is not a value").to_string(),
            "the default C is not one of the values"
        );
    }

    /// An action that starts a task, in a file with `extra` keys and more shapes.
    fn task_file(extra: &str, shapes: &str) -> String {
        format!(
            r##"{{ service: vod, version: v, {extra}
            actions: {{ Make: {{ effect: paid, request: Asked, reply: Started, task: MakeTask, source: [api] }} }},
            $defs: {{
                Asked: {{ description: d, type: object, properties: {{ }} }},
                Started: {{ description: d, type: object, properties: {{ TaskId: {{ type: string, description: d }} }} }},
                AigcTaskStatus: {{ description: d, type: string, oneOf: [{{ const: FINISH, description: d }}] }},
                Made: {{ description: d, type: object, properties: {{ Id: {{ type: string, description: d }} }} }},
                {shapes} }} }}"##
        )
    }

    const MAKE_TASK: &str = r##"MakeTask: { description: d, type: object, properties: {
        Status: { $ref: "#/$defs/AigcTaskStatus", description: d }, Output: { $ref: "#/$defs/Made", description: d } } }, "##;
    const REPLY: &str = r##"DescribeTaskDetailResponse: { description: d, type: object, properties: {
        MakeTask: { $ref: "#/$defs/MakeTask", description: d } } }, "##;

    #[track_caller]
    fn api_refused(text: &str, sentence: &str) {
        let error = format!("{:#}", Spec::of_api(text).err().expect("the file is wrong"));
        assert!(error.contains(sentence), "{error}");
    }

    #[test]
    fn a_kind_of_task_is_known_by_its_word_with_or_without_its_ending() {
        for word in ["Make", "MakeTask"] {
            let word =
                format!("TaskType: {{ description: d, type: string, oneOf: [{{ const: {word}, description: d }}] }}");
            let spec = Spec::of_api(&task_file("", &[MAKE_TASK, REPLY, &word].concat())).expect("the file is in order");
            let kind = spec.task_kind("MakeTask").expect("it is a kind of task");
            assert!(word.contains(&format!("const: {},", kind.word)));
            assert_eq!((kind.output, kind.member, kind.event), ("Made", "MakeTask", None));
        }
    }

    #[test]
    fn an_action_whose_task_is_told_nowhere_is_refused() {
        api_refused(
            &task_file("", MAKE_TASK),
            "file.yaml: Make: DescribeTaskDetailResponse has no member of shape MakeTask",
        );
        let word = "TaskType: { description: d, type: string, oneOf: [{ const: Other, description: d }] }";
        api_refused(
            &task_file("", &[MAKE_TASK, REPLY, word].concat()),
            "file.yaml: Make: no word of TaskType names MakeTask",
        );
    }

    #[test]
    fn an_unknown_feature_is_refused() {
        api_refused(&task_file("feature: vidio,", MAKE_TASK), "feature: unknown variant `vidio`");
    }

    #[test]
    fn a_limit_that_its_member_cannot_have_is_refused() {
        let file = |member: &str| {
            format!(
                "{{ service: vod, version: v, $defs: {{ A: {{ description: d, type: object, properties: {{ M: {{ description: d, {member} }} }} }} }} }}"
            )
        };
        api_refused(&file("type: integer, maxLength: 4"), "file.yaml: A.M: `minLength` and `maxLength` do not go with");
        api_refused(&file("type: integer, maximum: 0.5"), "file.yaml: A.M: the limits of a whole number are whole");
        api_refused(
            &file("type: number, minimum: 0.5, default: 0.25"),
            "file.yaml: A.M: the default 0.25 is not within 0.5..",
        );
        assert!(Spec::of_api(&file("type: number, minimum: 0.5, maximum: 2, default: 1")).is_ok());
    }
}
