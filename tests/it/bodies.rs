//! The JSON body of each parameter, as it is sent.

use std::collections::BTreeSet;

use schemars::schema_for;
use serde_json::json;
use vod_aigc_core::{
    AigcVideoTaskInputFileInfo, AigcVideoTaskInputSubjectInfo, AspectRatio, CreateAigcVideoTaskRequest, ExtInfo,
    FaceChoice, FileCategory, FileInfoType, FileUsage, Hunyuan, Image, InputRegion, Kling, Mingmou, Model, Orientation,
    PersonGeneration, ReferenceType, Resolution, SceneType, Shot, StorageMode, Switch, VideoRequest,
    VideoRequestBuilder,
};

const FIRST: &str = "https://example.com/first.jpg";
const LAST: &str = "https://example.com/last.jpg";

/// Sets one parameter of a request that is complete without it.
type Set = fn(VideoRequestBuilder) -> VideoRequestBuilder;

/// A parameter by its path on the wire, how it is set, and what is set.
const PARAMETERS: &[(&str, &str, Set)] = &[
    // Those of the integration card.
    ("SubAppId", "", |it| it.sub_app_id(1_500_044_236)),
    ("ModelName", "", |it| it),
    ("ModelVersion", "", |it| it),
    ("Prompt", "", |it| it.prompt("一只熊猫在竹林中玩耍")),
    ("EnhancePrompt", "on", |it| it.enhance_prompt(true)),
    ("EnhancePrompt", "off", |it| it.enhance_prompt(false)),
    ("FileInfos", "by URL", |it| it.image(FIRST)),
    ("FileInfos", "by file id", |it| it.image(Image::file_id("5285485487985271487"))),
    ("FileInfos", "by bytes", |it| it.image(Image::bytes(b"\x89PNG"))),
    ("LastFrameUrl", "", |it| it.image(FIRST).last_frame(LAST).resolution(Resolution::P1080)),
    ("SceneType", "", |it| it.scene_type(SceneType::MotionControl)),
    ("OutputConfig.StorageMode", "", |it| it.storage_mode(StorageMode::Permanent)),
    ("OutputConfig.Resolution", "720P", |it| it.resolution(Resolution::P720)),
    ("OutputConfig.Resolution", "1080P", |it| it.resolution(Resolution::P1080)),
    ("OutputConfig.Resolution", "2K", |it| it.resolution(Resolution::P2K)),
    ("OutputConfig.AspectRatio", "landscape", |it| it.aspect_ratio(AspectRatio::R16x9)),
    ("OutputConfig.AspectRatio", "portrait", |it| it.aspect_ratio(AspectRatio::R9x16)),
    ("OutputConfig.AspectRatio", "square", |it| it.aspect_ratio(AspectRatio::R1x1)),
    ("OutputConfig.EnhanceSwitch", "off", |it| it.enhance(false)),
    ("OutputConfig.EnhanceSwitch", "on", |it| it.enhance(true)),
    // Those of the official description only.
    ("FileInfos", "with its role", |it| it.first_frame(FIRST)),
    ("FileInfos", "as a reference", |it| it.reference(FIRST)),
    ("FileInfos", "with every member", |it| it.file(whole_file())),
    ("SubjectInfos", "", |it| it.subject(whole_subject())),
    ("LastFrameFileId", "", |it| {
        it.image(FIRST).last_frame(Image::file_id("5285485487985271487")).resolution(Resolution::P1080)
    }),
    ("FileInfos", "with a last frame by bytes", |it| {
        it.image(FIRST).last_frame(Image::bytes(b"\x89PNG")).resolution(Resolution::P1080)
    }),
    ("NegativePrompt", "", |it| it.negative_prompt("rain")),
    ("InputRegion", "", |it| it.input_region(InputRegion::Oversea)),
    ("Procedure", "", |it| it.procedure("LongVideoPreset")),
    ("Seed", "", |it| it.seed(-7)),
    ("SessionId", "", |it| it.session_id("panda-1")),
    ("SessionContext", "", |it| it.session_context("{\"order\": 7}")),
    ("TasksPriority", "", |it| it.priority(-10)),
    ("ExtInfo", "", |it| it.ext_info(r#"{"AdditionalParameters":"{\"width\":1920}"}"#)),
    ("OutputConfig.MediaName", "", |it| it.media_name("panda")),
    ("OutputConfig.ClassId", "", |it| it.class_id(3)),
    ("OutputConfig.ExpireTime", "", |it| it.expire_time("2026-12-01T00:00:00Z")),
    ("OutputConfig.Duration", "whole seconds", |it| it.duration(5)),
    ("OutputConfig.Duration", "part of a second", |it| it.duration(3.5)),
    ("OutputConfig.AudioGeneration", "", |it| it.audio(true)),
    ("OutputConfig.PersonGeneration", "", |it| it.person_generation(PersonGeneration::Disallowed)),
    ("OutputConfig.InputComplianceCheck", "", |it| it.input_compliance_check(true)),
    ("OutputConfig.OutputComplianceCheck", "", |it| it.output_compliance_check(false)),
    ("OutputConfig.OffPeak", "", |it| it.off_peak(true)),
    ("OutputConfig.FrameInterpolate", "", |it| it.frame_interpolate(true)),
    ("OutputConfig.LogoAdd", "", |it| it.logo(false)),
    ("OutputConfig.EnableBGM", "", |it| it.background_music(true)),
];

#[test]
fn the_body_of_every_parameter_is_the_recorded_one() {
    let mut bodies = String::new();
    for (parameter, how, set) in PARAMETERS {
        let builder = set(VideoRequest::builder(Kling::V2_1).prompt("a panda"));
        let body = serde_json::to_string(&builder.build().unwrap().into_action(7)).unwrap();
        let member = parameter.rsplit('.').next().unwrap();
        assert!(body.contains(&format!("\"{member}\":")), "{parameter} is not in {body}");
        bodies += &format!("{}\n{body}\n\n", format!("{parameter} {how}").trim_end());
    }
    // 4K is not among the resolutions of the model above.
    let large = VideoRequest::builder(Kling::V2_6).prompt("a panda").resolution(Resolution::P4K).build().unwrap();
    bodies += &format!("OutputConfig.Resolution 4K\n{}\n\n", serde_json::to_string(&large.into_action(7)).unwrap());
    for (name, model, ext_info) in parameters() {
        let request = VideoRequest::builder(model).prompt("a panda").ext_info(ext_info).build().unwrap();
        bodies += &format!("ExtInfo {name}\n{}\n\n", serde_json::to_string(&request.into_action(7)).unwrap());
    }
    let other = VideoRequest::builder(Model::other("Kling", "9.9")).prompt("a panda").build().unwrap();
    bodies += &format!("a model outside the table\n{}\n", serde_json::to_string(&other.into_action(7)).unwrap());
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("bodies", bodies);
    });
}

#[test]
fn no_parameter_of_the_description_is_left_without_a_body() {
    let schema = schema_for!(CreateAigcVideoTaskRequest).to_value();
    let names = |properties: &serde_json::Value| properties.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let top = names(&schema["properties"]).into_iter().filter(|name| name != "OutputConfig");
    let output = names(&schema["$defs"]["AigcVideoOutputConfig"]["properties"]);
    let described: BTreeSet<String> =
        top.chain(output.into_iter().map(|name| format!("OutputConfig.{name}"))).collect();
    let shown: BTreeSet<String> = PARAMETERS.iter().map(|(parameter, ..)| (*parameter).to_owned()).collect();
    assert_eq!(shown, described);
}

/// What travels in `ExtInfo`, each with a model that takes it.
fn parameters() -> [(&'static str, Model, ExtInfo); 10] {
    let shots = [Shot::new("a \"panda\" \\ 熊猫 eats", 2), Shot::new("it sleeps", 3)];
    let face = FaceChoice::new("0").sound_file("https://example.com/a.mp3").sound_from_to(0, 5000).insert_at(2000);
    let read: ExtInfo = r#"{"Trace":7,"AdditionalParameters":"{\"seed\":1}"}"#.parse().unwrap();
    [
        ("shots", Kling::V3_0.into(), ExtInfo::new().multi_shot(shots)),
        ("shots by the model", Kling::V3_0.into(), ExtInfo::new().intelligent_shots()),
        ("elements", Kling::V3_0Omni.into(), ExtInfo::new().elements([858_477_278_396_170_315_u64])),
        (
            "motion control",
            Kling::V2_6.into(),
            ExtInfo::new().character_orientation(Orientation::Video).keep_original_sound(false),
        ),
        ("avatar by file", Kling::V2_6.into(), ExtInfo::new().sound_file("https://example.com/a.mp3")),
        ("avatar by id", Kling::V2_6.into(), ExtInfo::new().audio_id("845736590818832460")),
        ("lip sync", Kling::V2_6.into(), ExtInfo::new().lip_sync("1", [face.volume(2.0).original_volume(0.0)])),
        ("width and height", Mingmou::V1_0.into(), ExtInfo::new().width_and_height(1920, 1080)),
        ("size", Hunyuan::V1_5.into(), ExtInfo::new().size(1280, 720)),
        (
            "free keys beside those that were there",
            Kling::V3_0.into(),
            read.with("cfg", json!([0.5, null])).beside("A", "b"),
        ),
    ]
}

fn whole_file() -> AigcVideoTaskInputFileInfo {
    let mut file = AigcVideoTaskInputFileInfo::default();
    file.type_ = Some(FileInfoType::Url);
    file.category = Some(FileCategory::Video);
    file.file_id = Some("5285485487985271487".to_owned());
    file.url = Some("https://example.com/dance.mp4".to_owned());
    file.base64 = Some("AAAA".to_owned());
    file.reference_type = Some(ReferenceType::Feature);
    file.object_id = Some("panda".to_owned());
    file.voice_id = Some("voice-1".to_owned());
    file.keep_original_sound = Some(Switch::Enabled);
    file.usage = Some(FileUsage::Reference);
    file.text = Some("panda".to_owned());
    file
}

fn whole_subject() -> AigcVideoTaskInputSubjectInfo {
    let mut subject = AigcVideoTaskInputSubjectInfo::default();
    subject.id = Some("1".to_owned());
    subject.name = Some("panda".to_owned());
    subject.voice_id = Some("voice-1".to_owned());
    subject.image_urls = Some(vec![FIRST.to_owned()]);
    subject.video_urls = Some(vec!["https://example.com/dance.mp4".to_owned()]);
    subject
}
