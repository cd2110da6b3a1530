//! Puts an H.264 stream into an MP4 file, index first.

use std::time::Duration;

use mp4_atom::{
    Avc1, Avcc, Codec, Colr, Dinf, Dref, DrefEntry, Encode, Ftyp, Hdlr, Mdat, Mdhd, Mdia, Minf, Moov, Mvhd, Stbl, Stco,
    Stsc, StscEntry, Stsd, Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trak, Url, Visual, Vmhd,
};

use super::{FRAMES_A_SECOND, Size, h264};

const TICKS_A_FRAME: u32 = 1000;
/// Ticks a second, for the film and for its track.
const TIMESCALE: u32 = FRAMES_A_SECOND * TICKS_A_FRAME;

/// The file that shows `stream` for `duration`, which is rounded to 1/24 of a millisecond; the last
/// frame is as long as what the others leave.
pub(super) fn file(size: Size, duration: Duration, stream: &h264::Encoder) -> Vec<u8> {
    let ticks = (duration.as_secs_f64() * f64::from(TIMESCALE)).round() as u32;
    let frames = ticks.div_ceil(TICKS_A_FRAME).max(1);

    let mut data = Vec::new();
    let mut sizes = Vec::new();
    for index in 0..frames {
        let repeated;
        let frame = if index == 0 {
            &stream.key_frame
        } else {
            repeated = stream.repeat(index);
            &repeated
        };
        data.extend((frame.len() as u32).to_be_bytes());
        data.extend(frame);
        sizes.push(frame.len() as u32 + 4);
    }

    let brands = Ftyp {
        major_brand: b"isom".into(),
        minor_version: 0x200,
        compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"].map(Into::into).into(),
    };
    let mut movie = movie(size, ticks, sizes, stream);
    let index_length = encoded(&brands).len() + encoded(&movie).len();
    let header_length = encoded(&Mdat { data: Vec::new() }).len();
    for track in &mut movie.trak {
        let data_begins = (index_length + header_length) as u32;
        track.mdia.minf.stbl.stco = Some(Stco { entries: vec![data_begins] });
    }
    [encoded(&brands), encoded(&movie), encoded(&Mdat { data })].concat()
}

/// The index, with a placeholder for where the data begins.
fn movie(size: Size, ticks: u32, sizes: Vec<u32>, stream: &h264::Encoder) -> Moov {
    let duration = ticks.into();
    let frames = sizes.len() as u32;
    let table = Stbl {
        stsd: Stsd {
            codecs: vec![Codec::Avc1(Avc1 {
                visual: Visual { data_reference_index: 1, width: size.width, height: size.height, ..Visual::default() },
                avcc: Avcc {
                    configuration_version: 1,
                    avc_profile_indication: stream.sequence_parameters[1],
                    profile_compatibility: stream.sequence_parameters[2],
                    avc_level_indication: stream.sequence_parameters[3],
                    length_size: 4,
                    sequence_parameter_sets: vec![stream.sequence_parameters.clone()],
                    picture_parameter_sets: vec![stream.picture_parameters.clone()],
                    ext: None,
                },
                colr: Some(Colr::Nclx {
                    colour_primaries: 1,
                    transfer_characteristics: 1,
                    matrix_coefficients: 1,
                    full_range_flag: false,
                }),
                ..Avc1::default()
            })],
        },
        stts: Stts {
            entries: vec![
                SttsEntry { sample_count: frames - 1, sample_delta: TICKS_A_FRAME },
                SttsEntry { sample_count: 1, sample_delta: ticks - (frames - 1) * TICKS_A_FRAME },
            ],
        },
        stss: Some(Stss { entries: vec![1] }),
        stsc: Stsc {
            entries: vec![StscEntry { first_chunk: 1, samples_per_chunk: frames, sample_description_index: 1 }],
        },
        stsz: Stsz { samples: StszSamples::Different { sizes } },
        stco: Some(Stco { entries: vec![0] }),
        ..Stbl::default()
    };
    Moov {
        mvhd: Mvhd {
            timescale: TIMESCALE,
            duration,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: 2,
            ..Mvhd::default()
        },
        trak: vec![Trak {
            tkhd: Tkhd {
                track_id: 1,
                duration,
                enabled: true,
                in_movie: true,
                width: size.width.into(),
                height: size.height.into(),
                ..Tkhd::default()
            },
            mdia: Mdia {
                mdhd: Mdhd { timescale: TIMESCALE, duration, language: "und".into(), ..Mdhd::default() },
                hdlr: Hdlr { handler: b"vide".into(), name: "video".into() },
                minf: Minf {
                    vmhd: Some(Vmhd::default()),
                    dinf: Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } },
                    stbl: table,
                    ..Minf::default()
                },
            },
            ..Trak::default()
        }],
        ..Moov::default()
    }
}

fn encoded(atom: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    atom.encode(&mut bytes).expect("every field is in its range and a vector takes any length");
    bytes
}
