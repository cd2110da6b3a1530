//! A request for a video: the macro that rustc checks, the builder that is checked at run time, and the check itself.

use std::collections::BTreeMap;
use std::fmt;

use crate::api::Action as _;
use crate::ext_info::ExtInfoFault;
use crate::generated::{
    AigcVideoTaskInputFileInfo, AigcVideoTaskInputSubjectInfo, CreateAigcVideoTaskRequest, FileCategory, FileUsage,
    MAX_BASE64_BYTES, Model, Resolution, StorageMode, Switch,
};
use crate::limits::{Breach, Breaches};
use crate::media::{Image, LastFrameImage, Media, decoded_length};
use crate::references::{ReferenceFault, references};
use crate::rules::{Asked, Shape, Violation};

/// A request for one video, without the sub-application that will own it.
///
/// Made by [`video!`](crate::video), where rustc checks it against the capability table, by [`VideoRequest::builder`],
/// where [`build`](VideoRequestBuilder::build) does, or by [`VideoRequest::unchecked`].
#[derive(Debug, Clone, PartialEq)]
pub struct VideoRequest {
    request: CreateAigcVideoTaskRequest,
    /// What each uploaded file holds, by its file id.
    contents: BTreeMap<String, String>,
    checked: bool,
}

impl VideoRequest {
    /// Begins a request for `model`.
    pub fn builder(model: impl Into<Model>) -> VideoRequestBuilder {
        let model = model.into();
        let request = CreateAigcVideoTaskRequest::new(model.name(), model.wire_version());
        // The card says that the storage mode is required, the official description that it has this default.
        let request = request.output_config(|output| output.storage_mode(StorageMode::default()));
        VideoRequestBuilder { request, contents: BTreeMap::new() }
    }

    /// A request that is sent as it is: nothing in it is checked.
    pub fn unchecked(request: CreateAigcVideoTaskRequest) -> Self {
        Self { request, contents: BTreeMap::new(), checked: false }
    }

    /// The model that it asks for.
    pub fn model(&self) -> Model {
        self.request.model()
    }

    /// The `SessionId` that it carries, if any.
    pub fn session_id(&self) -> Option<&str> {
        self.request.session_id.as_deref()
    }

    /// The same request with every [uploaded](Media::uploaded) file named by what it holds and not by its file id, or `None`
    /// where it has no such file. It is not for sending: it shows whether two requests ask for the same.
    pub fn by_content(&self) -> Option<Self> {
        if self.contents.is_empty() {
            return None;
        }
        let mut same = self.clone();
        let files = same.request.file_infos.iter_mut().flatten().filter_map(|file| file.file_id.as_mut());
        for id in files.chain(&mut same.request.last_frame_file_id) {
            if let Some(content) = self.contents.get(id) {
                id.clone_from(content);
            }
        }
        Some(same)
    }

    /// Checks the request as [`CreateAigcVideoTaskRequest::check`] does; one that was made by
    /// [`VideoRequest::unchecked`] is never refused.
    pub fn check(&self) -> Result<(), RequestError> {
        if self.checked { self.request.check() } else { Ok(()) }
    }

    /// The request as it goes out. `sub_app_id` owns the video unless the request names another.
    pub fn into_action(mut self, sub_app_id: u64) -> CreateAigcVideoTaskRequest {
        self.request.fill_sub_app_id(sub_app_id);
        self.request
    }
}

/// A request under construction. Each method sets one parameter; a repeated `image`, `first_frame`, `reference`, `video`,
/// `sound`, `file` or `subject` adds one.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a builder does nothing until it is built"]
pub struct VideoRequestBuilder {
    pub(crate) request: CreateAigcVideoTaskRequest,
    contents: BTreeMap<String, String>,
}

impl VideoRequestBuilder {
    /// An image to make the video from, its role left to the service: the first frame.
    pub fn image(self, image: impl Into<Image>) -> Self {
        self.media(image.into(), None, None)
    }

    /// The first frame, with its role spelled out.
    pub fn first_frame(self, image: impl Into<Image>) -> Self {
        self.media(image.into(), None, Some(FileUsage::FirstFrame))
    }

    /// An image to take subjects or style from.
    pub fn reference(self, image: impl Into<Image>) -> Self {
        self.media(image.into(), None, Some(FileUsage::Reference))
    }

    /// A video to take subjects, style or motion from, or to edit.
    pub fn video(self, video: impl Into<Media>) -> Self {
        self.media(video.into(), Some(FileCategory::Video), Some(FileUsage::Reference))
    }

    /// A sound to work with.
    pub fn sound(self, sound: impl Into<Media>) -> Self {
        self.media(sound.into(), Some(FileCategory::Audio), Some(FileUsage::Reference))
    }

    /// The last frame. Needs a first image.
    pub fn last_frame(mut self, image: impl Into<Image>) -> Self {
        let image = image.into();
        self.note_content(&image);
        match image.into_last_frame() {
            LastFrameImage::Url(url) => self.request.last_frame_url = Some(url),
            LastFrameImage::FileId(id) => self.request.last_frame_file_id = Some(id),
            LastFrameImage::File(file) => return self.file(*file),
        }
        self
    }

    /// Any input file, with more to say of it than its role.
    pub fn file(mut self, file: AigcVideoTaskInputFileInfo) -> Self {
        self.request.file_infos.get_or_insert_default().push(file);
        self
    }

    /// A fixed subject that the prompt may refer to.
    pub fn subject(mut self, subject: AigcVideoTaskInputSubjectInfo) -> Self {
        self.request.subject_infos.get_or_insert_default().push(subject);
        self
    }

    /// The size of the video; the service's own choice where it is not set.
    pub fn resolution(mut self, resolution: Resolution) -> Self {
        let row = self.request.model().capabilities();
        let word = row.map_or(resolution.as_str(), |row| row.resolution_word(resolution));
        let word = word.to_owned();
        self.request = self.request.output_config(|output| output.resolution(word));
        self
    }

    /// The request, if it keeps to the capability table and the limits; else every rule that it breaks.
    pub fn build(self) -> Result<VideoRequest, RequestError> {
        self.request.check()?;
        Ok(self.__checked())
    }

    /// The request whose model rules rustc has checked. Limits on texts are checked when it is submitted.
    #[doc(hidden)]
    pub fn __checked(self) -> VideoRequest {
        VideoRequest { request: self.request, contents: self.contents, checked: true }
    }

    /// What has been set so far.
    pub fn request(&self) -> &CreateAigcVideoTaskRequest {
        &self.request
    }

    fn media(mut self, media: Media, category: Option<FileCategory>, usage: Option<FileUsage>) -> Self {
        self.note_content(&media);
        let file = media.into_file(usage);
        self.file(AigcVideoTaskInputFileInfo { category, ..file })
    }

    fn note_content(&mut self, media: &Media) {
        self.contents.extend(media.content().map(|(id, content)| (id.clone(), content.clone())));
    }
}

impl From<bool> for Switch {
    fn from(on: bool) -> Self {
        if on { Self::Enabled } else { Self::Disabled }
    }
}

impl CreateAigcVideoTaskRequest {
    /// The model that it asks for.
    pub fn model(&self) -> Model {
        Model::of(&self.model_name, &self.model_version)
    }

    /// What the rules check of it.
    pub fn shape(&self) -> Shape {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        let files = || self.file_infos.iter().flatten();
        let is_last = |file: &AigcVideoTaskInputFileInfo| file.usage == Some(FileUsage::LastFrame);
        let is_image = |file: &&AigcVideoTaskInputFileInfo| {
            !matches!(file.category, Some(FileCategory::Video | FileCategory::Audio))
        };
        let output = self.output_config.as_ref();

        let mut shape = Shape::EMPTY;
        if let Some(seconds) = output.and_then(|output| output.duration) {
            shape = shape.with_duration(seconds);
        }
        if let Some(scene) = &self.scene_type {
            shape = shape.with_scene_type(scene);
        }
        shape.prompt = given(&self.prompt);
        shape.images = files().filter(is_image).filter(|file| !is_last(file)).count();
        shape.media = files().filter(|file| !is_image(file)).count();
        shape.references = files().filter(|file| file.usage == Some(FileUsage::Reference)).count();
        shape.subjects = self.subject_infos.as_ref().map_or(0, Vec::len);
        shape.ext_info = given(&self.ext_info);
        shape.last_frame = given(&self.last_frame_url) || given(&self.last_frame_file_id) || files().any(is_last);
        let resolution = output.and_then(|output| output.resolution.as_ref());
        shape.resolution = resolution.map_or(Asked::Nothing, |word| word.parse().map_or(Asked::Unknown, Asked::Known));
        shape.aspect_ratio = output.and_then(|output| output.aspect_ratio.as_ref()?.known());
        shape.audio = output.is_some_and(|output| output.audio_generation == Some(Switch::Enabled));
        shape.storage_mode = output.and_then(|output| output.storage_mode.as_ref()?.known());
        shape
    }

    /// Checks the request against its model's row of the capability table, against the words and limits of its members
    /// and against the form of its URLs. For a model that the table does not know only limits and URLs are checked.
    ///
    /// # Errors
    /// Every rule and limit that it breaks. Nothing has been sent and nothing is billed.
    pub fn check(&self) -> Result<(), RequestError> {
        let row = self.model().capabilities();
        // A model that is newer than this release may take words that are newer too.
        let judged = |breach: &Breach| row.is_some() || !matches!(breach, Breach::Word { .. });
        let violations = row.into_iter().flat_map(|row| self.shape().check(row).iter()).map(Fault::Rule);
        let breaches = Breaches::of(self).into_iter().filter(judged).chain(self.base64_breach()).map(Fault::Limit);
        let ext_info = row.into_iter().flat_map(|row| self.ext_info_faults(row)).map(Fault::ExtInfo);
        let references = references(self).into_iter().filter(|it| !it.is_note()).map(Fault::Reference);
        let faults: Vec<_> =
            violations.chain(ext_info).chain(references).chain(breaches).chain(self.url_faults()).collect();
        if faults.is_empty() { Ok(()) } else { Err(RequestError { faults }) }
    }

    /// What is strange about the request and may be a mistake, though nothing forbids it. For a model that the table does not
    /// know there is nothing to say.
    pub fn notes(&self) -> Vec<Note> {
        if self.model().capabilities().is_none() {
            return Vec::new();
        }
        let scene = self.scene_inputs().map_or("", |inputs| inputs.scene);
        let files = self.missing_scene_files().map(|category| Note::SceneFile { scene, category });
        files.chain(references(self).into_iter().filter(ReferenceFault::is_note).map(Note::Reference)).collect()
    }

    /// How many bytes of its inputs travel inside it, before they are encoded.
    pub fn embedded_bytes(&self) -> usize {
        self.file_infos.iter().flatten().filter_map(|file| file.base64.as_deref()).map(decoded_length).sum()
    }

    fn base64_breach(&self) -> Option<Breach> {
        let bytes = self.embedded_bytes();
        (bytes > MAX_BASE64_BYTES).then(|| Breach::Number {
            member: "FileInfos[].Base64".to_owned(),
            found: bytes as i128,
            least: 0,
            most: MAX_BASE64_BYTES as i64,
            unit: "bytes in all",
        })
    }

    fn url_faults(&self) -> impl Iterator<Item = Fault> {
        let files = self.file_infos.iter().flatten().enumerate();
        files
            .filter_map(|(index, file)| Some((format!("FileInfos[{index}].Url"), file.url.as_ref()?)))
            .chain(self.last_frame_url.as_ref().map(|url| ("LastFrameUrl".to_owned(), url)))
            .filter(|(_, url)| !url.starts_with("https://") && !url.starts_with("http://"))
            .map(|(member, url)| Fault::Url { member, url: url.clone() })
    }
}

/// One thing about a request that may be a mistake.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// The scene type mostly works from a file that the request does not have.
    SceneFile {
        /// The word of the scene type.
        scene: &'static str,
        /// The word of the file's category.
        category: &'static str,
    },
    /// An input that the prompt does not refer to.
    Reference(ReferenceFault),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SceneFile { scene, category } => {
                write!(f, "SceneType {scene} works from a file of category {category}, and FileInfos has none")
            }
            Self::Reference(fault) => fault.fmt(f),
        }
    }
}

/// Why a request was refused before it was sent: every rule and limit that it breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestError {
    faults: Vec<Fault>,
}

impl RequestError {
    /// The error of these breaches, if there is any.
    pub(crate) fn of(breaches: Vec<Breach>) -> Result<(), Self> {
        let faults: Vec<_> = breaches.into_iter().map(Fault::Limit).collect();
        if faults.is_empty() { Ok(()) } else { Err(Self { faults }) }
    }

    /// The rules and limits, the model's rules first. Never empty.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RequestError {}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A rule of the model.
    Rule(Violation),
    /// A rule on what `ExtInfo` holds.
    ExtInfo(ExtInfoFault),
    /// A reference of the prompt that leads nowhere.
    Reference(ReferenceFault),
    /// A limit on a member.
    Limit(Breach),
    /// An invalid URL.
    Url {
        /// The member by its path on the wire.
        member: String,
        /// What it holds.
        url: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(violation) => violation.fmt(f),
            Self::ExtInfo(fault) => fault.fmt(f),
            Self::Reference(fault) => fault.fmt(f),
            Self::Limit(breach) => breach.fmt(f),
            Self::Url { member, url } => {
                let start: String = url.chars().take(40).collect();
                write!(f, "{member} must begin with https:// or http://, not {start:?}; give a local file by its bytes")
            }
        }
    }
}

/// A [`VideoRequest`] for a model that is written in the code: rustc checks it against the
/// capability table, and a wrong one does not compile.
///
/// The keys are the methods of [`VideoRequestBuilder`]. The model, the resolution, the duration, the aspect ratio, the audio,
/// the scene type and the storage mode must be constants; texts and images may be any expression. For a model or a list of
/// images that is only known at run time use [`VideoRequest::builder`], which applies the same rules.
///
/// ```
/// use vod_aigc_core::{Kling, Resolution, video};
/// let prompt = String::from("a panda in a bamboo forest");
/// let request = video!(Kling::V2_1, prompt = prompt, resolution = Resolution::P2K);
/// ```
///
/// The same with a resolution that the model does not offer says `Kling 2.1 does not output 4K; choose 720P, 1080P or 2K`:
///
/// ```compile_fail,E0080
/// use vod_aigc_core::{Kling, Resolution, video};
/// let prompt = String::from("a panda in a bamboo forest");
/// let request = video!(Kling::V2_1, prompt = prompt, resolution = Resolution::P4K);
/// ```
#[macro_export]
macro_rules! video {
    ($model:expr $(, $key:ident = $value:expr)* $(,)?) => {{
        // The length of an array: `cargo check` evaluates it, which it does not do with an inline `const {}` block, and where a
        // value is only known at run time, rustc points at the caller's own `let` and not at one of an item in here.
        #[allow(clippy::unnecessary_cast, reason = "a duration may be written as 5 and as 5.0")]
        let _: [(); {
            let shape = $crate::Shape::EMPTY;
            $(let shape = $crate::__shape!(shape, $key = $value);)*
            shape.assert($model.capabilities());
            0
        }] = [];
        $crate::VideoRequest::builder($model)$(.$key($value))*.__checked()
    }};
}

/// What one key of [`video!`] adds to the shape. Each key that a rule depends on needs an arm here.
#[doc(hidden)]
#[macro_export]
macro_rules! __shape {
    ($shape:ident, prompt = $value:expr) => { $shape.with_prompt() };
    ($shape:ident, image = $value:expr) => { $shape.with_image() };
    ($shape:ident, first_frame = $value:expr) => { $shape.with_image() };
    ($shape:ident, reference = $value:expr) => { $shape.with_reference() };
    ($shape:ident, last_frame = $value:expr) => { $shape.with_last_frame() };
    ($shape:ident, resolution = $value:expr) => { $shape.with_resolution($value) };
    ($shape:ident, video = $value:expr) => { $shape.with_media() };
    ($shape:ident, sound = $value:expr) => { $shape.with_media() };
    ($shape:ident, duration = $value:expr) => { $shape.with_duration($value as f64) };
    ($shape:ident, aspect_ratio = $value:expr) => { $shape.with_aspect_ratio(&$value) };
    ($shape:ident, audio = $value:expr) => { $shape.with_audio($value) };
    ($shape:ident, storage_mode = $value:expr) => { $shape.with_storage_mode(&$value) };
    ($shape:ident, scene_type = $value:expr) => { $shape.with_scene_type(&$value) };
    ($shape:ident, subject = $value:expr) => { $shape.with_subject() };
    ($shape:ident, ext_info = $value:expr) => { $shape.with_ext_info() };
    ($shape:ident, file = $value:expr) => {
        compile_error!("what `file` holds is only known at run time: use `VideoRequest::builder(..)`")
    };
    ($shape:ident, images = $value:expr) => {
        compile_error!("`images` is a list made at run time: use `VideoRequest::builder(..)`, or write `image = ..` once for each image")
    };
    ($shape:ident, $key:ident = $value:expr) => { $shape };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GV, Kling, PixVerse};

    fn faults(builder: VideoRequestBuilder) -> Vec<String> {
        match builder.build() {
            Ok(_) => Vec::new(),
            Err(error) => error.faults().iter().map(Fault::to_string).collect(),
        }
    }

    #[test]
    fn the_macro_and_the_builder_make_the_same_request() {
        let first = Image::url("https://a/first.png");
        let by_macro = video!(
            Kling::V2_1,
            prompt = "a panda",
            image = &first,
            last_frame = "https://a/last.png",
            resolution = Resolution::P1080,
        );
        let by_builder = VideoRequest::builder(Kling::V2_1)
            .prompt("a panda")
            .image(&first)
            .last_frame("https://a/last.png")
            .resolution(Resolution::P1080)
            .build()
            .expect("the table allows it");
        assert_eq!(by_macro, by_builder);
        assert_eq!(by_macro.check(), Ok(()));
    }

    #[test]
    fn the_builder_says_the_sentence_of_the_rule() {
        let builder = VideoRequest::builder(Kling::V2_1).prompt("a panda").resolution(Resolution::P4K);
        assert_eq!(faults(builder), ["Kling 2.1 does not output 4K; choose 720P, 1080P or 2K"]);
    }

    #[test]
    fn the_macro_takes_seconds_with_and_without_a_fraction() {
        let whole = video!(Kling::V3_0, prompt = "p", duration = 5);
        assert_eq!(whole, video!(Kling::V3_0, prompt = "p", duration = 5.0));
        assert_eq!(whole.into_action(1).shape().duration, Asked::Known(5000));
    }

    #[test]
    fn a_resolution_goes_out_as_its_model_spells_it() {
        let word = |model: Model| {
            let request = VideoRequest::builder(model).prompt("p").resolution(Resolution::P1080).build();
            request.expect("each offers it").into_action(1).output_config.and_then(|output| output.resolution)
        };
        assert_eq!(word(PixVerse::V6.into()).as_deref(), Some("1080p"));
        assert_eq!(word(Kling::V3_0.into()).as_deref(), Some("1080P"));
        assert_eq!(word(Model::other("PixVerse", "v9")).as_deref(), Some("1080P"));
    }

    #[test]
    fn a_last_frame_counts_however_it_is_given_and_never_as_an_image() {
        for last in [Image::url("https://a/l.png"), Image::file_id("1"), Image::base64("AQID")] {
            let request =
                VideoRequest::builder(GV::V3_1).image("https://a/f.png").last_frame(last).build().expect("one image");
            let shape = request.into_action(1).shape();
            assert!(shape.last_frame && shape.images == 1, "{shape:?}");
        }
    }

    #[test]
    fn limits_are_counted_in_characters_and_named_with_their_member() {
        let text = |count| "熊".repeat(count);
        assert_eq!(faults(VideoRequest::builder(Kling::V2_1).prompt(text(1000))), [""; 0]);
        assert_eq!(
            faults(VideoRequest::builder(Kling::V2_1).prompt(text(1001))),
            ["Prompt has 1001 characters; it takes at most 1000"]
        );
        let builder =
            VideoRequest::builder(Kling::V2_1).prompt("p").session_id(text(51)).media_name(text(65)).priority(11);
        assert_eq!(
            faults(builder),
            [
                "OutputConfig.MediaName has 65 characters; it takes at most 64",
                "SessionId has 51 characters; it takes at most 50",
                "TasksPriority is 11; it takes -10 to 10",
            ]
        );
    }

    #[cfg(feature = "media")]
    #[test]
    fn images_by_bytes_stay_within_their_common_limit() {
        let most = vec![0; MAX_BASE64_BYTES];
        assert_eq!(faults(VideoRequest::builder(GV::V3_1).image(Image::bytes(&most))), [""; 0]);
        assert_eq!(
            faults(VideoRequest::builder(GV::V3_1).image(Image::bytes(&most)).image(Image::bytes([0]))),
            ["FileInfos[].Base64 has 7340033 bytes in all; it takes at most 7340032"]
        );
    }

    #[test]
    fn an_empty_prompt_is_none_and_a_path_is_no_url() {
        assert_eq!(
            faults(VideoRequest::builder(Kling::V2_1).prompt("  ")),
            ["Kling 2.1 needs a prompt when it has no image to start from"]
        );
        assert_eq!(
            faults(VideoRequest::builder(Kling::V2_1).image("./cat.png")),
            ["FileInfos[0].Url must begin with https:// or http://, not \"./cat.png\"; give a local file by its bytes"]
        );
    }

    #[test]
    fn a_model_outside_the_table_is_held_to_limits_only() {
        let builder = VideoRequest::builder(Model::other("Kling", "9.9")).resolution(Resolution::P4K);
        assert_eq!(faults(builder.clone()), [""; 0]);
        assert_eq!(faults(builder.prompt("p".repeat(1001))), ["Prompt has 1001 characters; it takes at most 1000"]);
    }

    #[test]
    fn a_word_that_is_not_documented_is_refused_for_a_known_model_only() {
        let builder = |model: Model| VideoRequest::builder(model).prompt("p").storage_mode("Forever".into());
        assert_eq!(
            faults(builder(Kling::V2_1.into())),
            ["OutputConfig.StorageMode is \"Forever\"; it takes Temporary, Permanent"]
        );
        assert_eq!(faults(builder(Model::other("Kling", "9.9"))), [""; 0]);
    }

    #[test]
    fn a_request_that_is_sent_unchecked_is_never_refused() {
        let mut request = CreateAigcVideoTaskRequest::new("Kling", "2.1");
        request.prompt = Some("p".repeat(2000));
        assert!(request.check().is_err());
        assert_eq!(VideoRequest::unchecked(request).check(), Ok(()));
    }

    #[test]
    fn the_clients_sub_application_gives_way_to_the_requests_own() {
        let request =
            |id| VideoRequest::builder(Kling::V2_1).prompt("p").sub_app_id(id).build().expect("a prompt is enough");
        assert_eq!(request(0).into_action(7).sub_app_id, 7);
        assert_eq!(request(8).into_action(7).sub_app_id, 8);
    }
}
