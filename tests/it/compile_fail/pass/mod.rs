//! The twins. Each is a module of this binary, so they compile with it.

/// Declares each twin and puts its name in [`TWINS`].
macro_rules! twins {
    ($($name:ident)*) => {
        $(
            #[allow(dead_code, reason = "that it compiles is all that is asked of it")]
            mod $name;
        )*

        pub(super) const TWINS: &[&str] = &[$(stringify!($name)),*];
    };
}

twins! {
    aspect_ratio
    audio
    duration
    duration_with_fraction
    file_of_any_kind
    image_to_text_only
    images_list
    last_frame_at_720p
    last_frame_where_none
    last_frame_with_images
    last_frame_without_first
    last_frame_without_resolution
    no_reference
    none_to_image_only
    nothing_to_work_from
    reference_as_image
    resolution
    resolution_where_size
    run_time_duration
    run_time_model
    run_time_resolution
    scene_type
    storage_mode
    too_many_images
    too_many_references
    unknown_key
    unknown_resolution
    unknown_version
}
