//! How values are written and read where serde's own way is not the service's.

use serde::{Deserialize, Deserializer, Serializer};

/// Writes a whole number without a fraction: `5`, not `5.0`, as every documented request has it.
pub(crate) fn number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    // Up to 2^53 every whole f64 is exactly one i64.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Some(value) if value.fract() == 0.0 && value.abs() <= EXACT => serializer.serialize_i64(*value as i64),
        Some(value) => serializer.serialize_f64(*value),
        None => serializer.serialize_none(),
    }
}

/// Reads a flag of a reply. The description types one as a boolean and lists `Enabled` and `Disabled` for it: a reply about a
/// paid task must not become unreadable for the sake of either.
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "only some areas of the API have flags"))]
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Boolean(bool),
        Word(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Option::<Flag>::deserialize(deserializer)? {
        Some(Flag::Boolean(flag)) => Some(flag),
        Some(Flag::Word(word)) if word == "Enabled" => Some(true),
        Some(Flag::Word(word)) if word == "Disabled" => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::AigcVideoOutputConfig;

    #[test]
    #[cfg(feature = "audio")]
    fn a_flag_is_read_as_a_boolean_and_as_a_word_and_never_breaks_a_reply() {
        for (json, flag) in [
            ("true", Some(true)),
            ("\"Enabled\"", Some(true)),
            ("\"Disabled\"", Some(false)),
            ("null", None),
            ("\"\"", None),
            ("[1]", None),
        ] {
            let input: crate::AigcAudioTaskInput =
                serde_json::from_str(&format!("{{\"EnhancePrompt\":{json}}}")).expect("any value is taken");
            assert_eq!(input.enhance_prompt, flag, "{json}");
        }
    }

    #[test]
    fn whole_seconds_have_no_fraction_on_the_wire() {
        let json = |seconds| {
            let config = AigcVideoOutputConfig { duration: Some(seconds), ..Default::default() };
            serde_json::to_string(&config).expect("a shape serialises")
        };
        assert_eq!(json(5.0), r#"{"Duration":5}"#);
        assert_eq!(json(2.5), r#"{"Duration":2.5}"#);
    }
}
