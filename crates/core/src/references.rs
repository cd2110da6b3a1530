//! What a prompt refers to: each family writes references in its own way, and each must name an input that is there.

use std::fmt;

use crate::capabilities::PromptReferences;
use crate::generated::{CreateAigcVideoTaskRequest, FileCategory, FileUsage};

/// A reference that leads nowhere, or an input that nothing refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceFault {
    /// A place beyond the inputs of its kind.
    Beyond {
        /// The reference as the prompt has it.
        reference: String,
        /// The kind of input: `image`, `video`, `element` or `voice`.
        kind: &'static str,
        /// How many of that kind the request has.
        count: usize,
    },
    /// A name that no input has.
    Unknown {
        /// The reference as the prompt has it.
        reference: String,
    },
    /// A name without the blank that must follow it.
    NoBlank {
        /// The reference as the prompt should have it, without the blank.
        reference: String,
    },
    /// An input that nothing refers to.
    Unused {
        /// The reference that would name it.
        reference: String,
    },
}

impl ReferenceFault {
    /// Whether it is only strange: nothing forbids an input that no prompt refers to.
    pub fn is_note(&self) -> bool {
        matches!(self, Self::Unused { .. })
    }
}

impl fmt::Display for ReferenceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beyond { reference, kind, count } => {
                let plural = if *count == 1 { "" } else { "s" };
                write!(f, "Prompt refers to {reference}, but the request has {count} {kind}{plural} to refer to")
            }
            Self::Unknown { reference } => {
                write!(f, "Prompt refers to {reference}, but nothing in the request has that name")
            }
            Self::NoBlank { reference } => write!(f, "Prompt refers to {reference} without a blank after it; add one"),
            Self::Unused { reference } => write!(f, "Prompt never refers to {reference}"),
        }
    }
}

/// Every reference of a request's prompt that leads nowhere, and every named input that it does not refer to. Where the prompt
/// is cut into shots manually, theirs. None for a model whose way of referring the capability table does not state.
pub fn references(request: &CreateAigcVideoTaskRequest) -> Vec<ReferenceFault> {
    let Some(form) = request.model().capabilities().and_then(|row| row.prompt_references) else {
        return Vec::new();
    };
    let ext_info = request.parameters();
    let shots = ext_info.shot_prompts();
    let prompts = if shots.is_empty() { request.prompt.as_deref().into_iter().collect() } else { shots };
    match form {
        PromptReferences::Numbered => numbered(request, &prompts),
        PromptReferences::Bracketed => bracketed(request, &prompts),
        PromptReferences::Spaced => spaced(request, &prompts),
    }
}

/// `<<<image_1>>>` by kind and place, or by an id of the request's.
fn numbered(request: &CreateAigcVideoTaskRequest, prompts: &[&str]) -> Vec<ReferenceFault> {
    let ext_info = request.parameters();
    let files = || request.file_infos.iter().flatten();
    let count = |category: FileCategory| {
        let is_it = |it: &Option<FileCategory>| it.clone().unwrap_or_default() == category;
        files().filter(|file| is_it(&file.category) && file.usage != Some(FileUsage::LastFrame)).count()
    };
    let subjects = request.subject_infos.as_deref().unwrap_or_default();
    let elements = subjects.len() + ext_info.count("element_list");
    let kinds = [
        ("image", count(FileCategory::Image)),
        ("video", count(FileCategory::Video)),
        ("element", elements),
        ("voice", ext_info.count("voice_list")),
    ];
    let mut ids = ext_info.ids("voice_list", "voice_id");
    ids.extend(ext_info.ids("element_list", "element_id"));
    ids.extend(files().filter_map(|file| file.object_id.clone()));
    ids.extend(subjects.iter().flat_map(|it| [it.id.clone(), it.name.clone()]).flatten());

    let mut faults = Vec::new();
    let mut used = vec![false; elements];
    for inner in prompts.iter().flat_map(|prompt| between(prompt, "<<<", ">>>")) {
        let reference = format!("<<<{inner}>>>");
        let place = inner.split_once('_').and_then(|(kind, place)| {
            let kind = kinds.iter().find(|(name, _)| *name == kind)?;
            Some((kind, place.parse::<usize>().ok()?))
        });
        match place {
            Some(((kind, count), place)) if place == 0 || place > *count => {
                faults.push(ReferenceFault::Beyond { reference, kind, count: *count });
            }
            Some((("element", _), place)) => used[place - 1] = true,
            Some(_) => {}
            None if ids.iter().any(|id| id == inner) => {
                if let Some(index) =
                    subjects.iter().position(|it| [&it.id, &it.name].contains(&&Some(inner.to_owned())))
                {
                    used[index] = true;
                }
            }
            None => faults.push(ReferenceFault::Unknown { reference }),
        }
    }
    let unused = used.iter().enumerate().filter(|(_, used)| !**used);
    faults
        .extend(unused.map(|(index, _)| ReferenceFault::Unused { reference: format!("<<<element_{}>>>", index + 1) }));
    faults
}

/// `[@name]` for subjects, `@id` for files with an `ObjectId`.
fn bracketed(request: &CreateAigcVideoTaskRequest, prompts: &[&str]) -> Vec<ReferenceFault> {
    let files = request.file_infos.iter().flatten();
    let ids: Vec<&str> = files.filter_map(|file| file.object_id.as_deref()).filter(|id| !id.is_empty()).collect();
    let subjects = request.subject_infos.iter().flatten();
    let names: Vec<&str> = subjects.filter_map(|it| it.name.as_deref()).filter(|name| !name.is_empty()).collect();
    let mut faults = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for prompt in prompts {
        for name in between(prompt, "[@", "]") {
            match names.iter().chain(&ids).find(|it| **it == name) {
                Some(found) => used.push(*found),
                None => faults.push(ReferenceFault::Unknown { reference: format!("[@{name}]") }),
            }
        }
        for (before, rest) in after_ats(prompt) {
            if before == Some('[') {
                continue;
            }
            match longest(&ids, rest) {
                Some(id) => used.push(id),
                // Where no file has an id, an @ means nothing.
                None if ids.is_empty() => {}
                None => faults.extend(unknown(rest)),
            }
        }
    }
    let unused = names.iter().filter(|name| !used.contains(name)).map(|name| format!("[@{name}]"));
    let unused = unused.chain(ids.iter().filter(|id| !used.contains(id)).map(|id| format!("@{id}")));
    faults.extend(unused.map(|reference| ReferenceFault::Unused { reference }));
    faults
}

/// `@name ` for files whose `Text` is the name.
fn spaced(request: &CreateAigcVideoTaskRequest, prompts: &[&str]) -> Vec<ReferenceFault> {
    let files = || request.file_infos.iter().flatten();
    let names: Vec<&str> = files().filter_map(|file| file.text.as_deref()).filter(|name| !name.is_empty()).collect();
    let may_be_named = files().any(|file| file.usage == Some(FileUsage::Reference));
    let mut faults = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for (_, rest) in prompts.iter().flat_map(|prompt| after_ats(prompt)) {
        match longest(&names, rest) {
            Some(name) => {
                used.push(name);
                if !rest[name.len()..].starts_with(char::is_whitespace) {
                    faults.push(ReferenceFault::NoBlank { reference: format!("@{name}") });
                }
            }
            None if names.is_empty() && !may_be_named => {}
            None => faults.extend(unknown(rest)),
        }
    }
    let unused = names.iter().filter(|name| !used.contains(name));
    faults.extend(unused.map(|name| ReferenceFault::Unused { reference: format!("@{name}") }));
    faults
}

/// The texts between each `open` and the next `close`.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| Some(rest.split_once(close)?.0.trim()))
}

/// What follows each `@`, with the character before it. One within a word, as in an address, does not count.
fn after_ats(text: &str) -> impl Iterator<Item = (Option<char>, &str)> {
    text.match_indices('@').filter_map(|(index, _)| {
        let before = text[..index].chars().next_back();
        (!before.is_some_and(|it| it.is_ascii_alphanumeric())).then(|| (before, &text[index + 1..]))
    })
}

/// The longest of `names` that `text` begins with: there are scripts without blanks between words.
fn longest<'a>(names: &[&'a str], text: &str) -> Option<&'a str> {
    names.iter().copied().filter(|name| text.starts_with(name)).max_by_key(|name| name.len())
}

/// The word that `rest` begins with as a reference to nothing, if there is one.
fn unknown(rest: &str) -> Option<ReferenceFault> {
    const MOST: usize = 20;
    let word: String =
        rest.chars().take_while(|it| it.is_alphanumeric() || matches!(it, '_' | '-')).take(MOST).collect();
    (!word.is_empty()).then(|| ReferenceFault::Unknown { reference: format!("@{word}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AigcVideoTaskInputFileInfo, AigcVideoTaskInputSubjectInfo, ExtInfo, GV, Kling, Model, PixVerse, Shot,
        VideoRequest, VideoRequestBuilder, Vidu,
    };

    fn check(builder: VideoRequestBuilder, sentences: &[&str]) {
        let request = builder.__checked().into_action(1);
        let found = references(&request);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), sentences, "{:?}", request.prompt);
        // What is only strange is no reason to refuse the request.
        assert_eq!(request.check().is_ok(), found.iter().all(ReferenceFault::is_note), "{:?}", request.check());
        assert_eq!(request.notes().len(), found.iter().filter(|it| it.is_note()).count());
    }

    fn builder(model: impl Into<Model>, prompt: &str) -> VideoRequestBuilder {
        VideoRequest::builder(model).prompt(prompt)
    }

    fn file(usage: FileUsage) -> AigcVideoTaskInputFileInfo {
        let url = Some("https://a/b.png".to_owned());
        AigcVideoTaskInputFileInfo { usage: Some(usage), url, ..Default::default() }
    }

    fn named(name: &str) -> AigcVideoTaskInputFileInfo {
        AigcVideoTaskInputFileInfo { text: Some(name.to_owned()), ..file(FileUsage::Reference) }
    }

    fn object(id: &str) -> AigcVideoTaskInputFileInfo {
        AigcVideoTaskInputFileInfo { object_id: Some(id.to_owned()), ..file(FileUsage::Reference) }
    }

    fn subject(id: &str, name: &str) -> AigcVideoTaskInputSubjectInfo {
        AigcVideoTaskInputSubjectInfo { id: Some(id.to_owned()), name: Some(name.to_owned()), ..Default::default() }
    }

    #[test]
    fn a_place_must_be_among_the_inputs_of_its_kind() {
        let images = |prompt: &str| builder(Kling::V3_0Omni, prompt).file(object("id1")).file(object("id2"));
        check(images("<<<image_1>>> and <<<image_2>>>, <<<id1>>> too"), &[]);
        check(
            images("<<<image_3>>> <<<image_0>>> <<<video_1>>>"),
            &[
                "Prompt refers to <<<image_3>>>, but the request has 2 images to refer to",
                "Prompt refers to <<<image_0>>>, but the request has 2 images to refer to",
                "Prompt refers to <<<video_1>>>, but the request has 0 videos to refer to",
            ],
        );
        check(
            images("<<<imge_1>>> <<<image_x>>> <<< image_1 >>> <<<"),
            &[
                "Prompt refers to <<<imge_1>>>, but nothing in the request has that name",
                "Prompt refers to <<<image_x>>>, but nothing in the request has that name",
            ],
        );
    }

    #[test]
    fn elements_count_wherever_they_are_given_and_are_noted_where_no_prompt_names_them() {
        let elements = |prompt: &str| {
            builder(Kling::V3_0Omni, prompt).subject(subject("7", "panda")).ext_info(ExtInfo::new().elements([8, 9]))
        };
        check(elements("<<<element_1>>> <<<element_2>>> <<<element_3>>>"), &[]);
        check(elements("<<<panda>>> <<<element_2>>> <<<element_3>>>"), &[]);
        check(
            elements("<<<element_2>>> <<<element_4>>>"),
            &[
                "Prompt refers to <<<element_4>>>, but the request has 3 elements to refer to",
                "Prompt never refers to <<<element_1>>>",
                "Prompt never refers to <<<element_3>>>",
            ],
        );
        let voice = ExtInfo::new().with("voice_list", serde_json::json!([{ "voice_id": 869 }]));
        check(builder(Kling::V2_6, "<<<voice_1>>> or <<<869>>>").ext_info(voice), &[]);
    }

    #[test]
    fn shots_take_the_place_of_the_prompt() {
        let shots = ExtInfo::new().multi_shot([Shot::new("<<<image_1>>>", 2), Shot::new("<<<image_2>>>", 3)]);
        check(
            builder(Kling::V3_0, "<<<image_9>>>").image("https://a/b.png").ext_info(shots),
            &["Prompt refers to <<<image_2>>>, but the request has 1 image to refer to"],
        );
    }

    #[test]
    fn a_subject_is_named_in_brackets_and_an_object_by_its_id() {
        let subjects =
            |prompt: &str| builder(Vidu::Q3, prompt).subject(subject("1", "小明")).subject(subject("2", "panda"));
        check(subjects("[@小明] meets [@panda]"), &[]);
        check(
            subjects("[@小红] meets [@panda]"),
            &["Prompt refers to [@小红], but nothing in the request has that name", "Prompt never refers to [@小明]"],
        );
        check(subjects("[@小明][@panda] write to me@example.com or @nobody"), &[]);
        let objects = |prompt: &str| builder(Vidu::Q2, prompt).file(object("猫")).file(object("猫咪"));
        check(objects("@猫跑步，@猫咪睡觉"), &[]);
        check(
            objects("@猫 @dog, @猫"),
            &["Prompt refers to @dog, but nothing in the request has that name", "Prompt never refers to @猫咪"],
        );
    }

    #[test]
    fn a_name_of_pixverse_has_a_blank_after_it() {
        let files = |prompt: &str| builder(PixVerse::C1, prompt).file(named("小猫")).file(named("pic1"));
        check(files("@小猫 chases @pic1 home"), &[]);
        check(files("@小猫跑步 @pic1 "), &["Prompt refers to @小猫 without a blank after it; add one"]);
        check(files("@pic1 @小猫"), &["Prompt refers to @小猫 without a blank after it; add one"]);
        check(
            files("@pic2 and @小猫 "),
            &["Prompt refers to @pic2, but nothing in the request has that name", "Prompt never refers to @pic1"],
        );
        check(builder(PixVerse::V6, "@ noon, @home"), &[]);
        check(
            builder(PixVerse::V6, "@cat runs").reference("https://a/b.png"),
            &["Prompt refers to @cat, but nothing in the request has that name"],
        );
    }

    #[test]
    fn a_model_whose_way_is_not_stated_is_not_judged() {
        check(builder(GV::V3_1, "<<<image_9>>> [@nobody] @nobody"), &[]);
        assert_eq!(references(&builder(Model::other("Kling", "9"), "<<<image_9>>>").__checked().into_action(1)), []);
    }
}
