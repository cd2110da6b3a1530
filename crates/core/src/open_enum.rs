//! Strings with known values that the service may extend.

use std::fmt;
use std::marker::PhantomData;

use serde::de::Visitor;

/// What the limits ask of such an enum.
pub(crate) trait OpenEnum {
    /// The known values on the wire.
    const WORDS: &'static [&'static str];

    /// The value on the wire.
    fn word(&self) -> &str;
}

/// Declares an enum with one variant for each known value and `Unknown` for every other, so that a new value on the wire
/// is kept as it came and never an error.
macro_rules! open_enum {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $($(#[doc = $variant_doc:literal])* $variant:ident = $value:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
            /// A value that this release does not know, as it came.
            Unknown(String),
        }

        impl $name {
            /// Every known value.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// The value on the wire.
            pub const fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unknown(value) => value.as_str(),
                }
            }

            /// The value on the wire, or `None` where this release does not know it.
            pub const fn known(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($value),)*
                    Self::Unknown(_) => None,
                }
            }
        }

        impl crate::open_enum::OpenEnum for $name {
            const WORDS: &'static [&'static str] = &[$($value),*];

            fn word(&self) -> &str {
                self.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    _ => Self::Unknown(value.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                match value.as_str() {
                    $($value => Self::$variant,)*
                    _ => Self::Unknown(value),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(crate::open_enum::WordVisitor(std::marker::PhantomData))
            }
        }

        #[cfg(feature = "schemars")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            /// Names the known values only: they are what a caller should choose from.
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::open_enum::schema(
                    concat!($($doc, "\n"),*),
                    &[$(($value, concat!($($variant_doc, "\n"),*))),*],
                )
            }
        }
    };
}
pub(crate) use open_enum;

/// Reads a word; a known one is not copied.
pub(crate) struct WordVisitor<T>(pub(crate) PhantomData<T>);

impl<T: for<'a> From<&'a str>> Visitor<'_> for WordVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, word: &str) -> Result<T, E> {
        Ok(T::from(word))
    }
}

/// The JSON Schema of a string with known values, each with what it means.
#[cfg(feature = "schemars")]
pub(crate) fn schema(description: &str, values: &[(&str, &str)]) -> schemars::Schema {
    let text = |lines: &str| lines.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let values: Vec<_> = values
        .iter()
        .map(|(value, meaning)| serde_json::json!({ "const": value, "description": text(meaning) }))
        .collect();
    schemars::json_schema!({ "description": text(description), "type": "string", "oneOf": values })
}

#[cfg(test)]
mod tests {
    use crate::StorageMode;

    #[test]
    fn an_unknown_value_is_kept_as_it_came() {
        let mode: StorageMode = serde_json::from_str("\"Forever\"").expect("any string is a value");
        assert_eq!(mode, StorageMode::Unknown("Forever".to_owned()));
        assert_eq!(serde_json::to_string(&mode).expect("a string serialises"), "\"Forever\"");
    }

    #[test]
    fn a_known_value_is_its_variant_both_ways() {
        for known in StorageMode::KNOWN {
            assert_eq!(&StorageMode::from(known.as_str()), known);
            assert_eq!(&StorageMode::from(known.to_string()), known);
        }
    }
}
