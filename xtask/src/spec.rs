//! The hand-written facts under `spec/`, read and checked before anything is made of them.

mod api;
mod errors;
mod exit_codes;
mod models;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Number;

pub(crate) use self::api::*;
pub(crate) use self::errors::*;
pub(crate) use self::exit_codes::*;
pub(crate) use self::models::*;

/// Everything under `spec/`.
pub(crate) struct Spec {
    pub(crate) models: Models,
    pub(crate) errors: Errors,
    /// The API files by name, for example `video`.
    pub(crate) api: IndexMap<String, Api>,
}

/// Where facts come from: a short name and its source.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Sources(IndexMap<String, String>);

impl Spec {
    /// Reads and checks `spec/`. The first mistake is the error; it names the file and the row or the line.
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
        // The members of a pulled file are beside its task's status.
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
