//! A model as a value: its names, and reading it from `Kling:2.1`.

use std::fmt;
use std::str::FromStr;

use crate::Model;
use crate::similar::edits;

/// A family and a version that the capability table need not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtherModel {
    name: String,
    version: String,
}

impl Model {
    /// A model by its names on the wire, whether or not this release knows it. Its requests are not checked against the
    /// table: the way around it for a model that is newer than this release.
    pub fn other(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self::Other(OtherModel { name: name.into(), version: version.into() })
    }

    /// The model of these names in the table, without regard to case, else [`Model::other`].
    pub fn of(name: &str, version: &str) -> Self {
        Self::known(name, version).unwrap_or_else(|| Self::other(name, version))
    }

    fn known(name: &str, version: &str) -> Option<Self> {
        let same = |model: &&Self| {
            model.name().eq_ignore_ascii_case(name)
                && (model.version().eq_ignore_ascii_case(version) || model.wire_version().eq_ignore_ascii_case(version))
        };
        Self::ALL.iter().find(same).cloned()
    }

    /// The family as the wire has it, for example `Kling`.
    pub fn name(&self) -> &str {
        match (self, self.capabilities()) {
            (Self::Other(other), _) => &other.name,
            (_, row) => row.map_or("", |row| row.name),
        }
    }

    /// The version as the table has it, for example `2.1`.
    pub fn version(&self) -> &str {
        match (self, self.capabilities()) {
            (Self::Other(other), _) => &other.version,
            (_, row) => row.map_or("", |row| row.version),
        }
    }

    /// The version as it goes out; in a few rows another spelling, `O1` for `o1`.
    pub fn wire_version(&self) -> &str {
        match (self, self.capabilities()) {
            (Self::Other(other), _) => &other.version,
            (_, row) => row.map_or("", |row| row.wire_version),
        }
    }
}

impl fmt::Display for Model {
    /// `Kling:2.1`, which [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.name(), self.version()))
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    /// Reads `Kling:2.1`, without regard to case. Only models of the table: a misspelt one is an error and not a request
    /// that costs money. [`Model::other`] is the way around.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, version) = text.split_once(':').unwrap_or((text, ""));
        Self::known(name.trim(), version.trim()).ok_or_else(|| UnknownModel::new(text))
    }
}

/// A text that names no model of the capability table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownModel {
    text: String,
    nearest: Vec<Model>,
}

impl UnknownModel {
    /// Models of the same family where there is one, else the most similar names.
    fn new(text: &str) -> Self {
        const MOST: usize = 3;
        let family = text.split(':').next().unwrap_or_default().trim();
        let mut nearest: Vec<_> =
            Model::ALL.iter().filter(|it| it.name().eq_ignore_ascii_case(family)).cloned().collect();
        if nearest.is_empty() {
            let (family, wanted) = (family.to_lowercase(), text.to_lowercase());
            nearest = Model::ALL.to_vec();
            nearest.sort_by_cached_key(|model| {
                (edits(&family, &model.name().to_lowercase()), edits(&wanted, &model.to_string().to_lowercase()))
            });
            nearest.truncate(MOST);
        }
        Self { text: text.to_owned(), nearest }
    }

    /// The models that may have been meant, the most likely first.
    pub fn nearest(&self) -> &[Model] {
        &self.nearest
    }
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearest: Vec<_> = self.nearest.iter().map(Model::to_string).collect();
        write!(f, "no model {:?}; the nearest known: {}", self.text, nearest.join(", "))
    }
}

impl std::error::Error for UnknownModel {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kling;

    #[test]
    fn every_model_reads_back_what_it_prints_whatever_the_case() {
        for model in Model::ALL {
            let text = model.to_string();
            assert_eq!(text.parse().as_ref(), Ok(model));
            assert_eq!(text.to_uppercase().parse().as_ref(), Ok(model));
        }
    }

    #[test]
    fn a_model_is_found_by_either_spelling_and_goes_out_in_the_vendors() {
        for model in Model::ALL {
            assert_eq!(&Model::of(model.name(), model.wire_version()), model);
        }
        let o1 = Model::from(Kling::O1);
        assert_eq!((o1.version(), o1.wire_version(), o1.to_string().as_str()), ("o1", "O1", "Kling:o1"));
        let request = crate::VideoRequest::builder(Kling::O1).prompt("p").build().expect("a prompt is enough");
        assert_eq!(request.into_action(1).model_version, "O1");
    }

    #[test]
    fn an_unknown_version_names_the_versions_of_its_family() {
        let error = "Kling:9.9".parse::<Model>().expect_err("there is no 9.9");
        assert_eq!(error.nearest().len(), Kling::ALL.len());
        assert!(error.to_string().contains("Kling:2.1"), "{error}");
    }

    #[test]
    fn a_misspelt_family_names_the_nearest_models() {
        let error = "Klimg:2.1".parse::<Model>().expect_err("there is no Klimg");
        assert_eq!(error.nearest()[0], Model::from(Kling::V2_1));
        assert!("".parse::<Model>().is_err());
    }

    #[test]
    fn another_model_keeps_its_names_and_has_no_row() {
        let model = Model::other("Kling", "9.9");
        assert_eq!((model.name(), model.version()), ("Kling", "9.9"));
        assert_eq!(model.capabilities(), None);
        assert_eq!(Model::of("kling", "O1"), Model::from(Kling::O1));
        assert_eq!(Model::of("Kling", "9.9"), model);
    }
}
