//! What the vendor's prose says that the description has no field for: lists of values, limits, and what each model takes.
//!
//! Hand-written, because a regular expression drops what it does not match: here, whatever is left over of a clause
//! is a clause that could not be read.

mod cursor;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use self::cursor::{Cursor, last_word};
use crate::sync::description::Kind;

/// What was read of the prose of one member.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) values: Vec<String>,
    pub(crate) limits: Limits,
    /// What each model family takes.
    pub(crate) families: IndexMap<String, Vec<Offer>>,
    /// The clauses that could not be read, by family, or under `*`.
    pub(crate) unreadable: IndexMap<String, String>,
}

/// The limits of one member: of the number, of the characters of a text, of the items of a list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maximum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_length: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_length: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_items: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_items: Option<i64>,
}

/// One thing that a family takes, or one of its versions.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offer {
    /// The one version that it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// The ways of working that it holds for: `text`, `image`, `reference`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) modes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
    /// Numbers from the first to the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) range: Option<[i64; 2]>,
    /// Whether the range holds whole numbers only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) whole: bool,
    /// The most files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) most: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<String>,
    /// It does not take the member at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) none: bool,
}

/// Words that announce values or limits: where one occurs and nothing was read, something could not be read.
const ANNOUNCING: [&str; 14] = [
    "枚举值",
    "可选值",
    "取值范围",
    "取值有：",
    "取值如下",
    "取值：",
    "可取值",
    "可选：",
    "各模型",
    "支持的模型包括",
    "最长",
    "数组长度",
    "最大支持",
    "ModelName",
];

/// Words in the sentence before a list of values.
const BEFORE_VALUES: [&str; 7] = ["取值", "可选", "枚举值", "类型", "类别", "支持的值", "已废弃"];

/// Reads the prose of one member. `families` are the names that may open a clause.
pub(crate) fn read(kind: &Kind, document: &str, families: &BTreeSet<String>) -> Facts {
    let blocks = blocks(document);
    let text: String = blocks.iter().flat_map(|block| [block.text.as_str(), "\n"]).collect();
    let mut facts = Facts { limits: limits(kind, &text), ..Facts::default() };
    let mut general = Vec::new();
    for block in blocks {
        if let Some((_, list)) = block.text.split_once("支持的模型包括") {
            let taking = Cursor(list).list().into_iter().map(|family| (family, vec![Offer::default()]));
            facts.families.extend(taking);
        }
        if !read_families(&block.text, families, &mut facts) {
            general.push(block);
        }
    }
    if kind.name == "string" {
        facts.values = values(&general);
    }
    // A clause on a model must have been read as one.
    let missed = general.iter().any(|block| block.text.contains("ModelName"));
    if facts == Facts::default() || missed {
        let announcing = |block: &&Block| ANNOUNCING.iter().any(|word| block.text.contains(word));
        // What is announced may follow.
        let left: Vec<&str> =
            general.iter().skip_while(|block| !announcing(block)).map(|it| it.text.as_str()).collect();
        if !left.is_empty() {
            facts.unreadable.insert("*".to_owned(), left.join(" "));
        }
    }
    facts
}

/// A stretch of text without a break: a paragraph, a line, an item of a list.
struct Block {
    item: bool,
    text: String,
}

/// The text without its markup, broken where the markup or a line ends.
fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = vec![Block { item: false, text: String::new() }];
    let mut put = |text: &str, breaks: Option<bool>| {
        let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        if let Some(block) = blocks.last_mut() {
            block.text += &text;
        }
        match (breaks, blocks.last_mut()) {
            // A paragraph that opens an item is that item.
            (Some(item), Some(block)) if block.text.trim().is_empty() => block.item |= item,
            (Some(item), _) => blocks.push(Block { item, text: String::new() }),
            (None, _) => {}
        }
    };
    let mut rest = document;
    while let Some(at) = rest.find(['<', '\n']) {
        let (before, from) = rest.split_at(at);
        let Some(end) = from.starts_with('<').then(|| from.find('>')).flatten() else {
            put(before, from.starts_with('\n').then_some(false));
            put(&from[..1], None);
            rest = &from[1..];
            continue;
        };
        let name = from[1..end].trim_start_matches('/').split_whitespace().next().unwrap_or_default();
        let opens = !from[1..].starts_with('/');
        put(
            before,
            ["li", "p", "ul", "ol", "br"].contains(&name.trim_end_matches('/')).then_some(opens && name == "li"),
        );
        rest = &from[end + 1..];
    }
    put(rest, None);
    for block in &mut blocks {
        block.text = block.text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    blocks.retain(|block| !block.text.is_empty());
    blocks
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['；', ';', '。']).map(str::trim).filter(|sentence| !sentence.is_empty())
}

/// Reads a block that speaks of model families; false where it does not.
fn read_families(text: &str, families: &BTreeSet<String>, facts: &mut Facts) -> bool {
    let mut current: Option<(String, Option<String>)> = None;
    for sentence in sentences(text) {
        let mut cursor = Cursor(sentence);
        if let Some(head) = cursor.family(families) {
            current = Some(head);
        }
        let Some((family, version)) = &current else {
            continue;
        };
        let (offers, left) = cursor.offers(version.as_deref());
        facts.families.entry(family.clone()).or_default().extend(offers);
        if !left.is_empty() {
            let clause = facts.unreadable.entry(family.clone()).or_default();
            *clause = [clause.as_str(), left].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("；");
        }
    }
    facts.families.retain(|_, offers| !offers.is_empty());
    current.is_some() || text.starts_with("其他 ModelName")
}

/// The values of a text: the items of an announced list, or a list inside a sentence.
fn values(blocks: &[Block]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut announced = false;
    for block in blocks {
        let text = block.text.as_str();
        let found = if announced { item(text) } else { None };
        if let Some(value) = found {
            values.push(value);
        } else {
            let last = sentences(text).last().unwrap_or_default();
            let opens = last.ends_with(['：', ':']) && BEFORE_VALUES.iter().any(|word| last.contains(word));
            announced = opens || (announced && block.item) || text.ends_with("方式。");
            values.extend(inline(text));
        }
    }
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.clone()));
    values
}

/// The value that an item of an announced list names: `NAME：…`, `NAME；`, or `当…时：NAME；`.
fn item(text: &str) -> Option<String> {
    let mut cursor = Cursor(text);
    if cursor.take("当") {
        cursor = Cursor(cursor.0.split_once('：')?.1);
    }
    let value = cursor.word()?;
    let ends = cursor.0.is_empty() || cursor.0.starts_with([':', '：', ';', '；', '。', '（']);
    ends.then(|| value.to_owned())
}

/// The values that a sentence lists.
fn inline(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    for sentence in sentences(text) {
        for word in ["可选值：", "可选值为：", "取值范围：", "可选：", "时，支持"] {
            for (at, _) in sentence.match_indices(word) {
                values.extend(Cursor(&sentence[at + word.len()..]).list());
            }
        }
        // `NAME（…）、NAME（…）`, however it is introduced.
        let mut explained = Vec::new();
        for part in sentence.split('、') {
            let Some((head, _)) = part.split_once('（').filter(|_| part.ends_with('）')) else {
                explained.clear();
                break;
            };
            explained.extend(last_word(head));
        }
        if explained.len() > 1 {
            values.extend(explained);
        }
        // `"NAME" 为 …`.
        let mut quoted = sentence.split('"').skip(1).step_by(2).zip(sentence.split('"').skip(2).step_by(2));
        values.extend(
            quoted.by_ref().filter(|(_, after)| after.trim_start().starts_with('为')).map(|(word, _)| word.to_owned()),
        );
    }
    values
}

fn limits(kind: &Kind, text: &str) -> Limits {
    let mut limits = Limits::default();
    match kind.name.as_str() {
        _ if kind.list => (limits.min_items, limits.max_items) = items(text),
        "string" => (limits.min_length, limits.max_length) = characters(text),
        "int64" | "uint64" | "float" => (limits.minimum, limits.maximum) = range(text),
        _ => {}
    }
    limits
}

type Bounds = (Option<i64>, Option<i64>);

/// What follows a phrase, wherever it occurs.
fn after<'a>(text: &'a str, phrase: &'static str) -> impl Iterator<Item = Cursor<'a>> {
    text.match_indices(phrase).map(move |(at, _)| Cursor(&text[at + phrase.len()..]))
}

fn items(text: &str) -> Bounds {
    let stated = after(text, "数组长度").find_map(|mut cursor| {
        cursor.take_any(&["限制：", "最大为", "必须在"]);
        cursor.one_or_two_numbers()
    });
    let pictures = after(text, "支持").find_map(|mut cursor| {
        let numbers = cursor.one_or_two_numbers()?;
        cursor.take("张").then_some(numbers)
    });
    if let Some((low, most)) = stated.or(pictures) {
        return (low, Some(most));
    }
    let counted = |phrase| {
        after(text, phrase).find_map(|mut cursor| {
            while cursor.take_any(&["支持", "包含", "输入", "上传"]) {}
            let count = if cursor.take("一") { 1 } else { cursor.number()? };
            cursor.take_any(&["张", "个"]).then_some(count)
        })
    };
    (counted("至少"), counted("最多").or_else(|| counted("至多")))
}

fn characters(text: &str) -> Bounds {
    let most = text.match_indices("字符").find_map(|(at, word)| {
        if text[at + word.len()..].starts_with('串') {
            return None;
        }
        let before = text[..at].trim_end().trim_end_matches("utf-8").trim_end().trim_end_matches('个').trim_end();
        before[before.trim_end_matches(|c: char| c.is_ascii_digit()).len()..].parse().ok()
    });
    let both = after(text, "长度范围").find_map(|mut cursor| cursor.one_or_two_numbers());
    both.map_or((None, most), |(low, most)| (low, Some(most)))
}

fn range(text: &str) -> Bounds {
    let both = after(text, "取值范围").find_map(|mut cursor| {
        cursor.take_any(&["是", "：", ":"]);
        cursor.one_or_two_numbers().filter(|(low, _)| low.is_some())
    });
    let most = after(text, "最大").find_map(|mut cursor| {
        cursor.take("合法");
        cursor.take("值");
        cursor.take_any(&["为", "：", ":"]);
        cursor.number()
    });
    both.map_or((None, most), |(low, most)| (low, Some(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: &str, list: bool, document: &str) -> Facts {
        let families = ["Kling", "Vidu", "OG"].map(str::to_owned);
        read(&Kind { name: kind.to_owned(), list }, document, &BTreeSet::from(families))
    }

    #[track_caller]
    fn reads_values(document: &str, values: &[&str]) {
        let facts = facts("string", false, document);
        assert_eq!(facts.values, values);
        assert!(facts.unreadable.is_empty(), "{:?}", facts.unreadable);
    }

    #[test]
    fn values_are_read_however_they_are_listed() {
        reads_values("<p>取值有： <li>File：a；</li> <li>Url：b；</li></p>", &["File", "Url"]);
        reads_values(
            "<p>枚举值：</p><ul><li><p>left_front： a</p></li><li><p>不允许重复。</p></li></ul>",
            &["left_front"],
        );
        reads_values("取值：\n<li> Clip：a；</li>\n<li>Clip：a；</li>\n再：\n<li>Sign：b。</li>", &["Clip"]);
        reads_values("取值：<br>GV；<br>OS：a;", &["GV", "OS"]);
        reads_values(
            "可选值：</p><ul><li><code>a_b</code>: c。</li></ul><p>下列已废弃：</p><ul><li>d</li></ul>",
            &["a_b", "d"],
        );
        reads_values("取值如下：<li>当在海外时：Oversea；</li>", &["Oversea"]);
        reads_values("可选值：WAITING（a）、FINISH（b）。", &["WAITING", "FINISH"]);
        reads_values("目前支持sfx（a）、music（b）。", &["sfx", "music"]);
        reads_values("可选值：1K、2K, 4K。", &["1K", "2K", "4K"]);
        reads_values("&quot;OFF&quot; 为忽略，\"ON\" 为接收。", &["OFF", "ON"]);
    }

    #[test]
    fn a_list_that_nothing_announces_holds_no_values() {
        reads_values("密钥。<ul><li><code>Sign</code>：a</li><li>T：b</li></ul>", &[]);
        reads_values("说明：<ol><li>png：a</li></ol>格式的取值为：jpeg，png。", &[]);
    }

    #[test]
    fn limits_are_read_however_they_are_written() {
        let text = |document| {
            let Limits { min_length, max_length, .. } = facts("string", false, document).limits;
            (min_length, max_length)
        };
        assert_eq!(text("最长 50 个字符，空字符串也可。"), (None, Some(50)));
        assert_eq!(text("最长 1024 个 utf-8 字符"), (None, Some(1024)));
        assert_eq!(text("限制50字符"), (None, Some(50)));
        assert_eq!(text("长度范围[8,256];"), (Some(8), Some(256)));
        assert_eq!(text("Base64字符串"), (None, None));
        let number = |document| {
            let Limits { minimum, maximum, .. } = facts("int64", false, document).limits;
            (minimum, maximum)
        };
        assert_eq!(number("取值范围是 -10 到 10，"), (Some(-10), Some(10)));
        assert_eq!(number("取值范围：[1, 300]"), (Some(1), Some(300)));
        assert_eq!(number("取值范围 [0-100]"), (Some(0), Some(100)));
        assert_eq!(number("最大合法值为10。"), (None, Some(10)));
        assert_eq!(number("最大 200，"), (None, Some(200)));
        let items = |document| {
            let Limits { min_items, max_items, .. } = facts("string", true, document).limits;
            (min_items, max_items)
        };
        assert_eq!(items("数组长度限制：16。"), (None, Some(16)));
        assert_eq!(items("数组长度必须在2-8之间"), (Some(2), Some(8)));
        assert_eq!(items("至少上传 1 张图。最多支持输入 3 张图"), (Some(1), Some(3)));
        assert_eq!(items("最多包含一个文件。"), (None, Some(1)));
        assert_eq!(items("支持1-4张图片。"), (Some(1), Some(4)));
    }

    #[test]
    fn what_a_family_takes_is_read_with_its_versions_ways_and_default() {
        let offer =
            |values: &[&str]| Offer { values: values.iter().map(|it| (*it).to_owned()).collect(), ..Offer::default() };
        let text = || Some("text".to_owned());
        for (clause, family, offers) in [
            ("当 ModelName 是 Hailuo，可选值为 02、2.3-fast；", "Hailuo", vec![offer(&["02", "2.3-fast"])]),
            ("当 ModelName 是PixVerse，则可选值为 16:9，4:3, 1:1;", "PixVerse", vec![offer(&["16:9", "4:3", "1:1"])]),
            (
                "当 ModelName 是 Kling，可选值为3-15，默认为 5；",
                "Kling",
                vec![Offer { range: Some([3, 15]), default: Some("5".to_owned()), ..Offer::default() }],
            ),
            (
                "当 ModelName 是 Hailuo，可选值为 6、10；当版本是H3时，可选值为4-15秒（整数）",
                "Hailuo",
                vec![
                    offer(&["6", "10"]),
                    Offer { version: Some("H3".to_owned()), range: Some([4, 15]), whole: true, ..Offer::default() },
                ],
            ),
            (
                "当 ModelName 是 Vidu，当文生视频时，则可选值为 16:9、4:3，其中仅版本q2支持4:3",
                "Vidu",
                vec![
                    Offer { modes: text().into_iter().collect(), ..offer(&["16:9"]) },
                    Offer {
                        version: Some("q2".to_owned()),
                        modes: text().into_iter().collect(),
                        ..offer(&["16:9", "4:3"])
                    },
                ],
            ),
            ("当 ModelName 为 Kling 时： a_b 表示动作； c 表示人；", "Kling", vec![offer(&["a_b"]), offer(&["c"])]),
            ("当使用 GV 模型时，可选值：asset 表示素材、style 表示风格；", "GV", vec![offer(&["asset", "style"])]),
            (
                "Vidu q2：7张；",
                "Vidu",
                vec![Offer { version: Some("q2".to_owned()), most: Some(7), ..Offer::default() }],
            ),
            ("OG：1K、2K，默认1K；", "OG", vec![Offer { default: Some("1K".to_owned()), ..offer(&["1K", "2K"]) }]),
            ("OG：暂不支持本字段，可用别的；", "OG", vec![Offer { none: true, ..Offer::default() }]),
            ("支持的模型包括 OG。", "OG", vec![Offer::default()]),
        ] {
            let facts = facts("string", false, clause);
            assert_eq!(facts.families.get(family), Some(&offers), "{clause}");
            assert!(facts.unreadable.is_empty(), "{clause}: {:?}", facts.unreadable);
        }
    }

    #[test]
    fn what_could_not_be_read_is_told_with_what_was_left_of_it() {
        for (clause, place, left) in [
            (
                "<li>当 ModelName 是 Kling，按需取整；</li><li>当 ModelName 是 Vidu，可选值为 1；</li>",
                "Kling",
                "按需取整",
            ),
            ("当 ModelName 是 Kling，可选值为 16:9，图生视频另计。", "Kling", "图生视频另计"),
            ("任何 ModelName 都行。", "*", "任何 ModelName 都行。"),
            ("开。<p>枚举值：</p><li>开</li>", "*", "枚举值： 开"),
        ] {
            assert_eq!(
                facts("string", false, clause).unreadable.get(place).map(String::as_str),
                Some(left),
                "{clause}"
            );
        }
        assert_eq!(facts("float", false, "取值范围：[0.5, 2]").unreadable["*"], "取值范围：[0.5, 2]");
    }
}
