//! The integration card: its example request and replies, its model table, its states, variables and error codes.

use serde_json::Value;
use vod_aigc_client::Settings;
use vod_aigc_core::{
    AspectRatio, CreateAigcVideoTaskRequest, CreateAigcVideoTaskResponse, DescribeTaskDetailRequest,
    DescribeTaskDetailResponse, ErrorClass, ErrorCode, GV, Image, Kling, LastFrame, Model, Resolution, Resolutions,
    SceneType, StorageMode, TaskState, VideoRequest, Vidu, video,
};
use vod_aigc_transport::{RawReply, Reply, open};

#[test]
fn the_example_request_is_what_the_typed_api_builds() {
    let card: Value = serde_json::from_str(include_str!("card/create_request.json")).unwrap();
    let by_macro = video!(
        Kling::V2_1,
        prompt = "一只熊猫在竹林中玩耍",
        enhance_prompt = true,
        image = "https://xxx/image.jpg",
        last_frame = "https://xxx/last.jpg",
        scene_type = SceneType::MotionControl,
        storage_mode = StorageMode::Temporary,
        resolution = Resolution::P1080,
        aspect_ratio = AspectRatio::R16x9,
        enhance = false,
    );
    assert_eq!(by_macro.check(), Ok(()));
    assert_eq!(serde_json::to_value(by_macro.into_action(1_500_044_236)).unwrap(), card);

    let by_builder = VideoRequest::builder("Kling:2.1".parse::<Model>().unwrap())
        .sub_app_id(1_500_044_236)
        .prompt("一只熊猫在竹林中玩耍")
        .enhance_prompt(true)
        .image(Image::url("https://xxx/image.jpg"))
        .last_frame(Image::url("https://xxx/last.jpg"))
        .scene_type(SceneType::MotionControl)
        .resolution(Resolution::P1080)
        .aspect_ratio(AspectRatio::R16x9)
        .enhance(false)
        .build()
        .unwrap();
    assert_eq!(serde_json::to_value(by_builder.into_action(1)).unwrap(), card);
}

#[test]
fn the_example_request_reads_back_without_a_loss() {
    let text = include_str!("card/create_request.json");
    let card: Value = serde_json::from_str(text).unwrap();
    let action: CreateAigcVideoTaskRequest = serde_json::from_str(text).unwrap();
    assert_eq!(action.model(), Model::from(Kling::V2_1));
    assert_eq!(serde_json::to_value(action).unwrap(), card);

    let card: Value = serde_json::from_str(include_str!("card/describe_request.json")).unwrap();
    let mut action = DescribeTaskDetailRequest::new("xxx");
    action.sub_app_id = Some(1_500_044_236);
    assert_eq!(serde_json::to_value(action).unwrap(), card);
}

#[test]
fn the_example_replies_parse_to_the_values_that_they_show() {
    let created: Reply<CreateAigcVideoTaskResponse> = open(&reply(include_str!("card/create_response.json"))).unwrap();
    assert_eq!(created.value.task_id.as_deref(), Some("xxx"));
    assert_eq!(created.request_id.as_deref(), Some("xxx"));

    let described: Reply<DescribeTaskDetailResponse> =
        open(&reply(include_str!("card/describe_response.json"))).unwrap();
    assert_eq!(described.request_id, None);
    assert_eq!(described.value.status, None);
    let task = described.value.aigc_video_task.as_ref().unwrap();
    assert_eq!((task.progress, task.err_code), (Some(100), Some(0)));
    let TaskState::Succeeded(output) = described.value.state() else {
        panic!("{:?}", described.value.state());
    };
    let file = output.file().unwrap();
    assert_eq!(file.file_url.as_deref(), Some("https://xxx.mp4"));
    let about = file.meta_data.as_ref().unwrap();
    assert_eq!((about.duration, about.width, about.height), (Some(5.0), Some(1920), Some(1080)));
    assert_eq!(about.cover_url.as_deref(), Some("https://xxx.jpg"));
}

#[test]
fn the_model_table_is_the_cards_row_by_row() {
    let rows = table(include_str!("card/models.md"));
    assert_eq!(rows.len(), 20);
    for row in &rows {
        let [name, version, text, image, most, last_frame, resolutions] = row.as_slice() else {
            panic!("{row:?}");
        };
        let model: Model = format!("{name}:{version}").parse().expect("the table holds every row of the card");
        let about = model.capabilities().unwrap();
        assert_eq!((about.name, about.version), (name.as_str(), version.as_str()));
        assert_eq!((model.name(), model.version()), (name.as_str(), version.as_str()));
        assert_eq!(about.text_to_video, Some(ticked(text)), "{model}");
        assert_eq!(about.image_to_video, Some(ticked(image)), "{model}");
        assert_eq!(about.max_images, Some(most.parse().unwrap()), "{model}");
        let noted = match last_frame.as_str() {
            "✗" => LastFrame::No,
            "✓" => LastFrame::Yes,
            "✓*" => LastFrame::At(Resolutions::of(&[Resolution::P1080])),
            "✓**" => LastFrame::WithImages(1),
            other => panic!("{model}: {other}"),
        };
        assert_eq!(about.last_frame, Some(noted), "{model}");
        let offered: Vec<_> = about.resolutions.iter().map(Resolution::as_str).collect();
        assert_eq!(offered, resolutions.split(',').collect::<Vec<_>>(), "{model}");
    }
}

/// `*Kling 2.1 首尾帧仅1080P`
#[test]
fn the_first_footnote_holds_kling_2_1_takes_first_and_last_frame_at_1080p_only() {
    assert!(include_str!("card/models.md").contains("*Kling 2.1 首尾帧仅1080P"));
    let frames = || VideoRequest::builder(Kling::V2_1).image("https://a/1.jpg").last_frame("https://a/2.jpg");
    assert!(frames().resolution(Resolution::P1080).build().is_ok());
    assert!(frames().build().is_err());
    assert!(frames().resolution(Resolution::P720).build().is_err());
    assert!(frames().resolution(Resolution::P2K).build().is_err());
}

/// `**GV多图时不可用首尾帧`
#[test]
fn the_second_footnote_holds_gv_takes_no_last_frame_with_several_images() {
    assert!(include_str!("card/models.md").contains("**GV多图时不可用首尾帧"));
    for version in [GV::V3_1, GV::V3_1Fast] {
        let frames = |images| {
            let builder = VideoRequest::builder(version).last_frame("https://a/last.jpg");
            (0..images).fold(builder, |builder, _| builder.image("https://a/first.jpg")).build()
        };
        assert!(frames(1).is_ok());
        assert!(frames(2).is_err());
        assert!(frames(3).is_err());
    }
    let several = VideoRequest::builder(Vidu::Q2Pro).last_frame("https://a/last.jpg");
    assert!(several.image("https://a/1.jpg").image("https://a/2.jpg").build().is_ok());
}

#[test]
fn every_parameter_of_the_card_has_its_place_in_a_request() {
    let card: Value = serde_json::from_str(include_str!("card/create_request.json")).unwrap();
    let rows = table(include_str!("card/parameters.md"));
    assert_eq!(rows.len(), 11);
    for row in rows {
        let pointer = format!("/{}", row[0].replace('.', "/"));
        assert!(card.pointer(&pointer).is_some(), "{pointer} is in the example, which the typed API builds");
    }
}

#[test]
fn the_three_states_of_the_card_are_told_apart() {
    let state = |status: &str| {
        let output = r#""Output":{"FileInfos":[{"FileUrl":"https://xxx.mp4"}]}"#;
        let text = format!(r#"{{"AigcVideoTask":{{"Status":"{status}","Progress":40,{output}}}}}"#);
        serde_json::from_str::<DescribeTaskDetailResponse>(&text).unwrap()
    };
    assert_eq!(state("PROCESSING").state(), TaskState::Processing { progress: Some(40) });
    assert!(matches!(state("FINISH").state(), TaskState::Succeeded(_)));
    assert!(matches!(state("FAIL").state(), TaskState::Failed(_)));
}

#[test]
fn the_three_variables_of_the_card_are_all_that_a_client_needs() {
    let settings = Settings::read(|name| match name {
        "VITE_VOD_SECRET_ID" => Some("id".to_owned()),
        "VITE_VOD_SECRET_KEY" => Some("key".to_owned()),
        "VITE_VOD_SUB_APP_ID" => Some("1500044236".to_owned()),
        _ => None,
    })
    .unwrap();
    assert_eq!((settings.credential.secret_id(), settings.sub_app_id), ("id", 1_500_044_236));
}

#[test]
fn the_five_error_codes_of_the_card_are_known_with_their_meaning() {
    let meaning = |text: &str| match text {
        "密钥错误" => ErrorClass::Credentials,
        "参数错误" => ErrorClass::Parameter,
        "限流" => ErrorClass::Quota,
        "内容审核" => ErrorClass::Content,
        "内部错误" => ErrorClass::Server,
        other => panic!("{other}"),
    };
    let rows = table(include_str!("card/errors.md"));
    assert_eq!(rows.len(), 5);
    for row in rows {
        let code = ErrorCode::from(row[0].as_str());
        assert!(ErrorCode::KNOWN.contains(&code), "{code}");
        assert_eq!(code.class(), meaning(&row[1]), "{code}");
    }
}

fn reply(body: &'static str) -> RawReply {
    RawReply { status: 200, headers: Default::default(), body: body.into() }
}

/// The cells of a markdown table, without its head.
fn table(markdown: &str) -> Vec<Vec<String>> {
    let rows = markdown.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn ticked(cell: &str) -> bool {
    match cell {
        "✓" => true,
        "✗" => false,
        other => panic!("{other}"),
    }
}
