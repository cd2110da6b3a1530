//! A still picture as an H.264 stream: one key frame, then frames that repeat it.
//!
//! The encoder writes only what a test card needs (ITU-T H.264, constrained baseline profile): the
//! first row of macroblocks of each band as raw samples, every row below copied from the one above
//! by vertical prediction, and each further frame as one run of skipped macroblocks. A film in 4K so
//! takes some two hundred kilobytes, and one raw frame of it would take twelve megabytes.

use super::Size;

/// Macroblocks are 16 by 16 pixels.
const MACROBLOCK: u16 = 16;
/// The profile, and the constraint flags that narrow it to constrained baseline.
const PROFILE: [u8; 2] = [66, 0b1100_0000];
/// Bits of `frame_num` in a slice header.
const FRAME_NUMBER_BITS: u32 = 8;

/// An encoded still picture.
pub(super) struct Encoder {
    pub(super) sequence_parameters: Vec<u8>,
    pub(super) picture_parameters: Vec<u8>,
    /// The frame that holds the picture.
    pub(super) key_frame: Vec<u8>,
    macroblocks: u32,
}

impl Encoder {
    /// Encodes the picture whose colour at a point is `colour(x, y)`, as red, green and blue.
    pub(super) fn new(size: Size, colour: impl Fn(u16, u16) -> [u8; 3]) -> Self {
        let columns = size.width.div_ceil(MACROBLOCK);
        let rows = size.height.div_ceil(MACROBLOCK);
        Self {
            sequence_parameters: sequence_parameters(size, columns, rows),
            picture_parameters: picture_parameters(),
            key_frame: key_frame(columns, rows, colour),
            macroblocks: u32::from(columns) * u32::from(rows),
        }
    }

    /// The frame at `index` (from 1) that shows the key frame again.
    pub(super) fn repeat(&self, index: u32) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.exp_golomb(0); // first_mb_in_slice
        bits.exp_golomb(5); // slice_type: P, all slices of the picture alike
        bits.exp_golomb(0); // pic_parameter_set_id
        bits.put(index % (1 << FRAME_NUMBER_BITS), FRAME_NUMBER_BITS); // frame_num
        bits.put(0, 3); // no own reference count, no reordering, sliding window marking
        bits.exp_golomb(0); // slice_qp_delta
        bits.exp_golomb(1); // disable_deblocking_filter_idc
        bits.exp_golomb(self.macroblocks); // mb_skip_run
        bits.unit(0x61)
    }
}

fn sequence_parameters(size: Size, columns: u16, rows: u16) -> Vec<u8> {
    let mut bits = Bits::default();
    for byte in [PROFILE[0], PROFILE[1], level(columns, rows)] {
        bits.put(byte.into(), 8);
    }
    bits.exp_golomb(0); // seq_parameter_set_id
    bits.exp_golomb(FRAME_NUMBER_BITS - 4); // log2_max_frame_num_minus4
    bits.exp_golomb(2); // pic_order_cnt_type: shown in the order of decoding
    bits.exp_golomb(1); // max_num_ref_frames
    bits.put(0, 1); // gaps_in_frame_num_value_allowed_flag
    bits.exp_golomb(u32::from(columns) - 1);
    bits.exp_golomb(u32::from(rows) - 1);
    bits.put(0b11, 2); // frame_mbs_only_flag, direct_8x8_inference_flag
    bits.put(1, 1); // frame_cropping_flag: the offsets count pairs of pixels
    bits.exp_golomb(0);
    bits.exp_golomb(u32::from(columns * MACROBLOCK - size.width) / 2);
    bits.exp_golomb(0);
    bits.exp_golomb(u32::from(rows * MACROBLOCK - size.height) / 2);
    bits.put(1, 1); // vui_parameters_present_flag
    bits.put(0b1_0000_0001, 9); // square pixels
    bits.put(0, 1); // overscan_info_present_flag
    bits.put(0b11_0101, 6); // any video format, limited range, and the colours are described:
    bits.put(0x01_01_01, 24); // primaries, transfer and matrix of BT.709
    bits.put(0, 6); // no chroma location, timing, buffering, picture structure or restrictions
    bits.unit(0x67)
}

fn picture_parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.exp_golomb(0); // pic_parameter_set_id
    bits.exp_golomb(0); // seq_parameter_set_id
    bits.put(0, 2); // CAVLC, no field order
    bits.exp_golomb(0); // num_slice_groups_minus1
    bits.exp_golomb(0); // num_ref_idx_l0_default_active_minus1
    bits.exp_golomb(0); // num_ref_idx_l1_default_active_minus1
    bits.put(0, 3); // no weighted prediction
    bits.exp_golomb(0); // pic_init_qp_minus26
    bits.exp_golomb(0); // pic_init_qs_minus26
    bits.exp_golomb(0); // chroma_qp_index_offset
    bits.put(0b100, 3); // deblocking_filter_control_present_flag, so that a slice can turn it off
    bits.unit(0x68)
}

fn key_frame(columns: u16, rows: u16, colour: impl Fn(u16, u16) -> [u8; 3]) -> Vec<u8> {
    let row_colours = |row: u16| -> Vec<[u8; 3]> {
        (0..columns * MACROBLOCK).map(|x| limited_range(colour(x, row * MACROBLOCK))).collect()
    };

    let mut bits = Bits::default();
    bits.exp_golomb(0); // first_mb_in_slice
    bits.exp_golomb(7); // slice_type: I, all slices of the picture alike
    bits.exp_golomb(0); // pic_parameter_set_id
    bits.put(0, FRAME_NUMBER_BITS); // frame_num
    bits.exp_golomb(0); // idr_pic_id
    bits.put(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    bits.exp_golomb(0); // slice_qp_delta
    bits.exp_golomb(1); // disable_deblocking_filter_idc

    let mut above: Option<(Vec<[u8; 3]>, bool)> = None;
    for row in 0..rows {
        let colours = row_colours(row);
        let below_raw = match &above {
            Some((same, raw)) if *same == colours => Some(*raw),
            _ => None,
        };
        for column in colours.chunks_exact(MACROBLOCK.into()) {
            match below_raw {
                None => raw_macroblock(&mut bits, column),
                Some(raw) => continued_macroblock(&mut bits, raw),
            }
        }
        above = Some((colours, below_raw.is_none()));
    }
    bits.unit(0x65)
}

/// A macroblock of raw samples, all its rows alike.
fn raw_macroblock(bits: &mut Bits, columns: &[[u8; 3]]) {
    bits.exp_golomb(25); // mb_type: I_PCM
    bits.align();
    for _ in 0..MACROBLOCK {
        bits.bytes.extend(columns.iter().map(|[luma, _, _]| luma));
    }
    for plane in [1, 2] {
        for _ in 0..MACROBLOCK / 2 {
            bits.bytes.extend(columns.iter().step_by(2).map(|colour| colour[plane]));
        }
    }
}

/// A macroblock that continues the pixels above it. A raw macroblock counts as one with all
/// coefficients, which changes the code word for "no coefficients" below it.
fn continued_macroblock(bits: &mut Bits, below_raw: bool) {
    bits.exp_golomb(1); // mb_type: I_16x16, vertical prediction, no residual
    bits.exp_golomb(2); // intra_chroma_pred_mode: vertical
    bits.exp_golomb(0); // mb_qp_delta
    if below_raw {
        bits.put(0b000011, 6);
    } else {
        bits.put(1, 1);
    }
}

/// The lowest level that allows a picture of this many macroblocks at 24 frames a second (table
/// A side may be at most the square root of eight times the largest picture.
fn level(columns: u16, rows: u16) -> u8 {
    const LEVELS: [(u8, u32, u32); 6] = [
        (31, 3_600, 108_000),
        (40, 8_192, 245_760),
        (50, 22_080, 589_824),
        (51, 36_864, 983_040),
        (52, 36_864, 2_073_600),
        (60, 139_264, 4_177_920),
    ];
    let picture = u32::from(columns) * u32::from(rows);
    let side = u32::from(columns.max(rows));
    LEVELS
        .into_iter()
        .find(|(_, largest, a_second)| {
            picture <= *largest && picture * super::FRAMES_A_SECOND <= *a_second && side * side <= 8 * largest
        })
        .map_or(62, |(level, _, _)| level)
}

/// Luma and the two colour differences of BT.709 in limited range.
fn limited_range(rgb: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = rgb.map(|value| f64::from(value) / 255.0);
    let luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    [16.0 + 219.0 * luma, 128.0 + 224.0 * (blue - luma) / 1.8556, 128.0 + 224.0 * (red - luma) / 1.5748]
        .map(|value| value.round() as u8)
}

/// Bits written from the highest of each byte on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are still free.
    free: u32,
}

impl Bits {
    /// The lowest `count` bits of `value`.
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << self.free;
            }
        }
    }

    /// `ue(v)`; of the signed values only zero is needed, and its code is the same.
    fn exp_golomb(&mut self, value: u32) {
        let length = (value + 1).ilog2();
        self.put(0, length);
        self.put(value + 1, length + 1);
    }

    fn align(&mut self) {
        self.free = 0;
    }

    /// The finished NAL unit: its header, the bits with their stop bit, and a 3 put in wherever two
    /// zero bytes would be followed by a byte that could pass for a start code.
    fn unit(mut self, header: u8) -> Vec<u8> {
        self.put(1, 1);
        let mut unit = Vec::with_capacity(self.bytes.len() + 1);
        unit.push(header);
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            unit.push(byte);
        }
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads back what the encoder may write, by the tables of the standard.
    struct Reader {
        bytes: Vec<u8>,
        position: usize,
    }

    impl Reader {
        fn new(unit: &[u8], header: u8) -> Self {
            assert_eq!(unit[0], header);
            assert!(!unit.windows(3).any(|bytes| bytes[..2] == [0, 0] && bytes[2] <= 3));
            Self { bytes: unit[1..].to_vec(), position: 0 }
        }

        fn bits(&mut self, count: usize) -> u32 {
            (0..count).fold(0, |value, _| {
                let byte = self.bytes[self.position / 8];
                let bit = byte >> (7 - self.position % 8) & 1;
                self.position += 1;
                value << 1 | u32::from(bit)
            })
        }

        fn exp_golomb(&mut self) -> u32 {
            let zeros = (0..).find(|_| self.bits(1) == 1).expect("a one");
            (1 << zeros) - 1 + self.bits(zeros)
        }

        fn expect_exp_golomb(&mut self, values: &[u32]) {
            for value in values {
                assert_eq!(self.exp_golomb(), *value);
            }
        }

        fn expect_end(&mut self) {
            assert_eq!(self.bits(1), 1, "the stop bit");
            assert!(self.position > self.bytes.len() * 8 - 8);
        }
    }

    /// Of the three rows of macroblocks the last two are alike.
    fn colour(x: u16, y: u16) -> [u8; 3] {
        if y < 16 { [0, 0, 0] } else { [x as u8 * 7, 255, x as u8] }
    }

    const SIZE: Size = Size { width: 30, height: 42 };

    #[test]
    fn the_key_frame_holds_the_picture() {
        let stream = Encoder::new(SIZE, colour);
        let mut reader = Reader::new(&stream.key_frame, 0x65);
        reader.expect_exp_golomb(&[0, 7, 0]);
        assert_eq!(reader.bits(8), 0);
        reader.expect_exp_golomb(&[0]);
        assert_eq!(reader.bits(2), 0);
        reader.expect_exp_golomb(&[0, 1]);

        for (row, raw) in [true, true, false].into_iter().enumerate() {
            for column in 0..2 {
                if !raw {
                    reader.expect_exp_golomb(&[1, 2, 0]);
                    assert_eq!(reader.bits(6), 0b000011);
                    continue;
                }
                reader.expect_exp_golomb(&[25]);
                reader.position = reader.position.next_multiple_of(8);
                let expected = |x: u16| limited_range(colour(column * 16 + x, row as u16 * 16));
                for _ in 0..16 {
                    (0..16).for_each(|x| assert_eq!(reader.bits(8), u32::from(expected(x)[0])));
                }
                for plane in [1, 2] {
                    for _ in 0..8 {
                        (0..8).for_each(|x| {
                            assert_eq!(reader.bits(8), u32::from(expected(2 * x)[plane]));
                        });
                    }
                }
            }
        }
        reader.expect_end();
    }

    #[test]
    fn no_unit_holds_a_start_code() {
        let mut bits = Bits::default();
        for byte in [0, 0, 1, 0, 0, 0, 0, 4, 0, 0, 3] {
            bits.put(byte, 8);
        }
        let stuffed = [9, 0, 0, 3, 1, 0, 0, 3, 0, 0, 4, 0, 0, 3, 3, 0x80];
        assert_eq!(bits.unit(9), stuffed);
    }

    #[test]
    fn a_further_frame_skips_every_macroblock() {
        let stream = Encoder::new(SIZE, colour);
        for index in [1, 255, 256, 700] {
            let mut reader = Reader::new(&stream.repeat(index), 0x61);
            reader.expect_exp_golomb(&[0, 5, 0]);
            assert_eq!(reader.bits(8), index % 256);
            assert_eq!(reader.bits(3), 0);
            reader.expect_exp_golomb(&[0, 1, 6]);
            reader.expect_end();
        }
    }

    #[test]
    fn the_parameters_crop_the_picture_to_its_size() {
        let stream = Encoder::new(SIZE, colour);
        let mut reader = Reader::new(&stream.sequence_parameters, 0x67);
        assert_eq!(reader.bits(24), 0x0042_C01F);
        reader.expect_exp_golomb(&[0, 4, 2, 1]);
        assert_eq!(reader.bits(1), 0);
        let (columns, rows) = (reader.exp_golomb() + 1, reader.exp_golomb() + 1);
        assert_eq!(reader.bits(3), 0b111);
        let crop: Vec<u32> = (0..4).map(|_| 2 * reader.exp_golomb()).collect();
        assert_eq!((columns * 16 - crop[1], rows * 16 - crop[3]), (30, 42));
        assert_eq!((crop[0], crop[2]), (0, 0));
    }

    #[test]
    fn black_and_white_have_the_ends_of_the_limited_range() {
        assert_eq!(limited_range([0, 0, 0]), [16, 128, 128]);
        assert_eq!(limited_range([255, 255, 255]), [235, 128, 128]);
    }

    #[test]
    fn a_larger_picture_has_a_higher_level() {
        let level = |width: u16, height: u16| level(width.div_ceil(16), height.div_ceil(16));
        assert_eq!(level(1280, 720), 31);
        assert_eq!(level(1920, 1080), 40);
        assert_eq!(level(3840, 2160), 51);
        assert_eq!(level(5040, 2160), 60);
    }
}
