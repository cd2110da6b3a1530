//! The parameters of a video: the methods of the builder and the flags of the command.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::{SUB_APP_ID, SWITCH, Setter, Shapes, without_option};
use crate::codegen::{Output, doc, marked, rust as rust_file};
use crate::spec::Property;

/// The request that the builder makes. It sets the members of [`OUTPUT`] as if they were the request's own.
pub(super) const REQUEST: &str = "CreateAigcVideoTaskRequest";
const OUTPUT: &str = "AigcVideoOutputConfig";

/// The members whose methods are written manually: they take one file or subject after the other, or know the word that a model
/// has for a resolution.
const WRITTEN_MANUALLY: [&str; 6] =
    ["FileInfos", "SubjectInfos", "LastFrameFileId", "LastFrameUrl", "OutputConfig", "Resolution"];

/// The members that the command takes elsewhere: as an argument without a flag, and with the connection.
const NOT_A_FLAG: [&str; 2] = ["Prompt", SUB_APP_ID];

/// One parameter of a video.
struct Parameter<'a> {
    wire: &'a str,
    property: &'a Property,
    field: &'a str,
    /// Its type without `Option`.
    kind: &'a str,
    /// Whether it is a member of the output's shape and not of the request itself.
    is_of_output: bool,
}

impl Parameter<'_> {
    fn name(&self) -> &str {
        self.property.flag.name.as_deref().unwrap_or(self.field)
    }
}

/// The methods of `VideoRequestBuilder` that set one member each.
pub(super) fn builder(shapes: &Shapes<'_>) -> Result<Output> {
    let (mut methods, mut imports) = (Vec::new(), BTreeSet::from([OUTPUT]));
    for parameter in shapes.parameters()? {
        let Parameter { property, field, kind, is_of_output, .. } = parameter;
        let Setter { parameter: value, .. } = shapes.setter_of(field, kind);
        imports.extend(property.shape());
        let set = match is_of_output {
            true => format!("self.output(|output| output.{field}({field}))"),
            false => format!("self.request = self.request.{field}({field});\n        self"),
        };
        methods.push(format!(
            "{doc}    pub fn {name}({mutable}self, {value}) -> Self {{\n        {set}\n    }}\n",
            doc = doc("    ", &property.description),
            name = parameter.name(),
            mutable = if is_of_output { "" } else { "mut " },
        ));
    }
    let body = format!(
        "//! The methods of [`VideoRequestBuilder`] that set one parameter each.\n\n\
         use crate::request::VideoRequestBuilder;\nuse super::{{{imports}}};\n\n\
         impl VideoRequestBuilder {{\n{methods}\n    \
             fn output(mut self, set: impl FnOnce({output}) -> {output}) -> Self {{\n        \
                 self.request = self.request.output_config(set);\n        self\n    }}\n}}\n",
        imports = imports.into_iter().collect::<Vec<_>>().join(", "),
        methods = methods.join("\n"),
        output = OUTPUT,
    );
    Ok(rust_file("builder", &["spec/api/video.yaml"], body))
}

/// The flags of `vod-aigc generate` that set one member each.
pub(super) fn flags(shapes: &Shapes<'_>) -> Result<Output> {
    let (mut flags, mut sets, mut texts, mut imports) = (String::new(), String::new(), Vec::new(), BTreeSet::new());
    for parameter in shapes.parameters()? {
        if NOT_A_FLAG.contains(&parameter.wire) {
            continue;
        }
        let (name, Parameter { property, kind, is_of_output, .. }) = (parameter.name(), &parameter);
        let (kind, value, given) = match *kind {
            SWITCH => ("OnOff", "WHETHER", "*value"),
            "String" => ("String", "TEXT", "value.clone()"),
            number @ ("f64" | "i64" | "u64") => (number, "NUMBER", "*value"),
            word => (word, "WORD", "value.clone()"),
        };
        imports.extend(property.shape().filter(|shape| *shape != SWITCH));
        let value = property.flag.value.as_deref().unwrap_or(value);
        let mut attributes = vec!["long".to_owned()];
        attributes.extend(property.flag.letter.map(|letter| format!("short = '{letter}'")));
        attributes.push(format!("value_name = \"{value}{}\"", if property.flag.file { "|@FILE|-" } else { "" }));
        attributes.push(format!("help_heading = \"{}\"", if *is_of_output { "Output" } else { "Request" }));
        if kind == "i64" {
            attributes.push("allow_hyphen_values = true".to_owned());
        }
        flags += &doc("    ", &shapes.help(property));
        flags += &format!("    #[arg({})]\n    pub(crate) {name}: Option<{kind}>,\n", attributes.join(", "));
        sets += &format!(
            "        if let Some(value) = &self.{name} {{\n            builder = builder.{name}({given});\n        }}\n"
        );
        if property.flag.file {
            texts.push(format!("(\"--{}\", &mut self.{name})", name.replace('_', "-")));
        }
    }
    let body = format!(
        "//! The parameters of a video as flags.\n\n\
         use clap::Args;\nuse vod_aigc_client::core::{{{imports}, VideoRequestBuilder}};\n\nuse crate::on_off::OnOff;\n\n\
         /// The parameters that are set by one value each.\n#[derive(Debug, Args)]\n#[group(skip)]\npub(crate) struct Parameters {{\n{flags}}}\n\n\
         impl Parameters {{\n    /// Sets those that are given.\n    \
             pub(crate) fn apply(&self, mut builder: VideoRequestBuilder) -> VideoRequestBuilder {{\n{sets}        builder\n    }}\n\n    \
             /// Those that may be read from a file.\n    \
             pub(crate) fn texts(&mut self) -> [(&'static str, &mut Option<String>); {count}] {{\n        [{texts}]\n    }}\n}}\n",
        imports = imports.into_iter().collect::<Vec<_>>().join(", "),
        count = texts.len(),
        texts = texts.join(", "),
    );
    Ok(Output { path: "crates/cli/src/parameters.rs".to_owned(), text: marked(&["spec/api/video.yaml"], body) })
}

impl Shapes<'_> {
    /// The parameters of a video that one value sets.
    fn parameters(&self) -> Result<Vec<Parameter<'_>>> {
        let mut parameters = Vec::new();
        for (shape, is_of_output) in [(REQUEST, false), (OUTPUT, true)] {
            let definition = self.definitions.get(shape).with_context(|| format!("there is no {shape}"))?;
            let taken: Vec<_> = self.members_of_new(shape, definition).collect();
            for (wire, property) in &definition.properties {
                if taken.contains(&wire) || WRITTEN_MANUALLY.contains(&wire.as_str()) {
                    continue;
                }
                let (field, kind) = self.member(shape, wire)?;
                let kind = without_option(kind).unwrap_or(kind);
                parameters.push(Parameter { wire, property, field, kind, is_of_output });
            }
        }
        Ok(parameters)
    }

    /// The description of a member as the help of a flag, with the words that the member takes.
    fn help(&self, property: &Property) -> String {
        let text = property.description.trim_end_matches('.').replace('`', "");
        let shape = property.shape().filter(|shape| *shape != SWITCH).and_then(|shape| self.definitions.get(shape));
        match shape.map(|shape| &shape.values).filter(|values| !values.is_empty()) {
            Some(values) => {
                let words: Vec<_> = values.iter().map(|value| value.value.as_str()).collect();
                format!("{text}: {}", words.join(", "))
            }
            None => text,
        }
    }
}
