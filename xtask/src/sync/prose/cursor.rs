//! A sentence read from its beginning, phrase by phrase.

use std::collections::BTreeSet;

use super::Offer;

/// The ways of working as the prose names them; a longer name comes before its prefix.
const MODES: [(&str, &str); 4] =
    [("文生视频", "text"), ("使用参考图片生成", "reference"), ("参考生", "reference"), ("图生视频", "image")];

/// The part of a sentence that is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a str);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, phrase: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(phrase);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    pub(super) fn take_any(&mut self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.take(phrase))
    }

    /// A value as the wire has it: `2.3-fast`, `16:9`, `H3_regen`.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let bytes = text.as_bytes();
        let inside = |at: usize| {
            let next = bytes.get(at + 1).copied().unwrap_or_default();
            match bytes[at] {
                b'_' | b'&' => true,
                b'.' | b'-' => next.is_ascii_alphanumeric(),
                b':' => at > 0 && bytes[at - 1].is_ascii_digit() && next.is_ascii_digit(),
                byte => byte.is_ascii_alphanumeric(),
            }
        };
        let end = (0..bytes.len()).find(|&at| !inside(at)).unwrap_or(bytes.len());
        let (word, rest) = text.split_at(end);
        if word.is_empty() {
            return None;
        }
        self.0 = rest;
        Some(word)
    }

    /// Words between commas of any kind.
    pub(super) fn list(&mut self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut ahead = *self;
        while let Some(word) = ahead.word() {
            words.push(word.to_owned());
            *self = ahead;
            if !ahead.take_any(&["、", "，", ","]) {
                break;
            }
        }
        words
    }

    pub(super) fn number(&mut self) -> Option<i64> {
        let text = self.0.trim_start();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let sign = text.len() - digits.len();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        // A fraction is not read as the number before its point.
        let number = text[..sign + end].parse().ok().filter(|_| !digits[end..].starts_with('.'))?;
        self.0 = &text[sign + end..];
        Some(number)
    }

    /// `16`, or `[1, 300]`, `1 - 100`, `-10 到 10`.
    pub(super) fn one_or_two_numbers(&mut self) -> Option<(Option<i64>, i64)> {
        self.take("[");
        let first = self.number()?;
        let mut ahead = *self;
        if ahead.take_any(&["-", ",", "，", "到", "～", "~"])
            && let Some(second) = ahead.number()
        {
            *self = ahead;
            return Some((Some(first), second));
        }
        Some((None, first))
    }

    /// `当 ModelName 是 X，`, `当使用 X 模型时，`, `X：`, `X 1.0：`; the family and the version.
    pub(super) fn family(&mut self, families: &BTreeSet<String>) -> Option<(String, Option<String>)> {
        let mut ahead = *self;
        let mut head = None;
        if ahead.take("当") {
            if ahead.take("ModelName") {
                ahead.take_any(&["是", "为"]);
                head = ahead.word().map(|family| (family.to_owned(), None));
                ahead.take("时");
                ahead.take_any(&["，", ",", "：", ":"]);
            } else if ahead.take("使用") {
                head = ahead.word().map(|family| (family.to_owned(), None));
                head.take_if(|_| !ahead.take("模型"));
            }
        } else if let Some(family) = ahead.word() {
            let version = ahead.word().map(str::to_owned);
            let known = version.is_some() || families.contains(family);
            head = (known && ahead.take_any(&["：", ":"])).then(|| (family.to_owned(), version));
        }
        if head.is_some() {
            *self = ahead;
        }
        head
    }

    /// What a sentence after the family's name says, and what is left of it.
    pub(super) fn offers(mut self, version: Option<&str>) -> (Vec<Offer>, &'a str) {
        let mut offer = Offer { version: version.map(str::to_owned), ..Offer::default() };
        // `NAME 表示 …`: values, each with what it means.
        let explained: Vec<&str> = self.0.split("表示").collect();
        if let [before @ .., _] = explained.as_slice()
            && let Some(values) = before.iter().map(|part| last_word(part)).collect::<Option<Vec<_>>>()
            && !values.is_empty()
        {
            offer.values = values;
            return (vec![offer], "");
        }
        if self.take_any(&["暂不支持", "不支持"]) {
            offer.none = true;
            return (vec![offer], "");
        }
        let all = self.0.trim();
        if self.take_any(&["当版本是", "当版本为", "版本是", "版本为"]) {
            offer.version = self.word().map(str::to_owned);
            self.take("时");
        }
        loop {
            let mode = MODES.iter().find(|(phrase, _)| self.take(phrase));
            offer.modes.extend(mode.map(|(_, mode)| (*mode).to_owned()));
            if mode.is_none() && !self.take_any(&["当", "时", "和", "、", "，", ",", "则"]) {
                break;
            }
        }
        let announced = self.take_any(&["可选值为", "可选值：", "可选值", "可指定"]);
        offer.values = self.list();
        if offer.values.is_empty() {
            return (Vec::new(), all);
        }
        if let [only] = offer.values.as_slice() {
            let range = only.split_once('-').and_then(|(low, high)| Some([low.parse().ok()?, high.parse().ok()?]));
            if range.is_some() {
                (offer.range, offer.values) = (range, Vec::new());
            } else if self.take("张") {
                (offer.most, offer.values) = (only.parse().ok(), Vec::new());
            }
        }
        self.take("秒");
        offer.whole = self.take("（整数）");
        let mut ahead = self;
        if ahead.take_any(&["，默认为", ",默认为", "，默认"]) {
            offer.default = ahead.word().map(str::to_owned);
            self = ahead;
        }
        let mut offers = vec![offer.clone()];
        let mut ahead = self;
        if ahead.take("，其中仅版本")
            && let Some(version) = ahead.word()
            && ahead.take("支持")
        {
            let own = ahead.list();
            offers[0].values.retain(|value| !own.contains(value));
            offers.push(Offer { version: Some(version.to_owned()), ..offer });
            self = ahead;
        }
        match self.0.trim_start_matches(['，', ',']).trim() {
            left if left.is_empty() || announced => (offers, left),
            _ => (Vec::new(), all),
        }
    }
}

/// The word that a text ends with.
pub(super) fn last_word(text: &str) -> Option<String> {
    let text = text.trim_end();
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let word = &text[text.trim_end_matches(inside).len()..];
    (!word.is_empty()).then(|| word.to_owned())
}
