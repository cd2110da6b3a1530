//! A cube as a binary glTF 2.0 file.

use serde_json::json;

/// The corners, and the three corners of each triangle, seen from outside against the clock.
const CORNERS: [[f32; 3]; 8] = [
    [-0.5, -0.5, -0.5],
    [0.5, -0.5, -0.5],
    [0.5, 0.5, -0.5],
    [-0.5, 0.5, -0.5],
    [-0.5, -0.5, 0.5],
    [0.5, -0.5, 0.5],
    [0.5, 0.5, 0.5],
    [-0.5, 0.5, 0.5],
];
const TRIANGLES: [[u16; 3]; 12] = [
    [0, 2, 1],
    [0, 3, 2],
    [4, 5, 6],
    [4, 6, 7],
    [0, 1, 5],
    [0, 5, 4],
    [3, 7, 6],
    [3, 6, 2],
    [0, 4, 7],
    [0, 7, 3],
    [1, 2, 6],
    [1, 6, 5],
];

pub(super) fn file() -> Vec<u8> {
    let corners: Vec<u8> = CORNERS.as_flattened().iter().flat_map(|number| number.to_le_bytes()).collect();
    let triangles: Vec<u8> = TRIANGLES.as_flattened().iter().flat_map(|number| number.to_le_bytes()).collect();
    let description = json!({
        "asset": { "version": "2.0" },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 }, "indices": 1 }] }],
        "accessors": [
            // A float, and an unsigned short.
            { "bufferView": 0, "componentType": 5126, "count": CORNERS.len(), "type": "VEC3",
              "min": [-0.5, -0.5, -0.5], "max": [0.5, 0.5, 0.5] },
            { "bufferView": 1, "componentType": 5123, "count": 3 * TRIANGLES.len(), "type": "SCALAR" },
        ],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": corners.len() },
            { "buffer": 0, "byteOffset": corners.len(), "byteLength": triangles.len() },
        ],
        "buffers": [{ "byteLength": corners.len() + triangles.len() }],
    });
    let chunks =
        [chunk(b"JSON", description.to_string().into_bytes(), b' '), chunk(b"BIN\0", [corners, triangles].concat(), 0)]
            .concat();
    [b"glTF".as_slice(), &2u32.to_le_bytes(), &(12 + chunks.len() as u32).to_le_bytes(), &chunks].concat()
}

/// A chunk, filled up to a multiple of four bytes.
fn chunk(kind: &[u8; 4], mut data: Vec<u8>, filling: u8) -> Vec<u8> {
    data.resize(data.len().next_multiple_of(4), filling);
    [&(data.len() as u32).to_le_bytes(), kind.as_slice(), &data].concat()
}
