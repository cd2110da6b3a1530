//! How values are written where serde's own way is not the service's.

use serde::Serializer;

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

#[cfg(test)]
mod tests {
    use crate::AigcVideoOutputConfig;

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
