//! The files of each crate import each other without circles across its folders.
//!
//! Every `use`, and every path that begins with `crate`, `self` or `super`, is followed through re-exports to the file
//! that defines the item. A circle must not cross folders. It does not where all of its files lie in one folder, or
//! are one module's own file and those of its folder, as when `media/h264.rs` takes a type of `media.rs`. What the root of a crate imports does not count, because it
//! declares everything; nor does a re-export, nor what only tests import.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, UseTree, Visibility};

/// Imports that close a circle and are still to be removed: the crate, the file, what it imports, and why.
const KNOWN: &[Known] = &[Known(
    "core",
    "",
    "generated",
    "the generated types implement traits that are written manually, and what is written manually extends these types",
)];

/// Crate, file or folder, imported file or folder, reason. An empty text is the whole crate.
struct Known(&'static str, &'static str, &'static str, &'static str);

/// Fails on a crate below crates/, or xtask, whose files have a circle, and prints it.
#[allow(clippy::print_stdout, reason = "a command talks to its terminal")]
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root.join("crates")).context("crates")?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.push(root.join("xtask"));
    folders.sort();
    let mut found = Vec::new();
    for folder in folders {
        let name = folder.file_name().and_then(|name| name.to_str()).context("a crate's folder has a name")?.to_owned();
        for root in ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file)) {
            if !root.is_file() {
                continue;
            }
            let read = Crate::read(&root, &|path| fs::read_to_string(path).ok())?;
            let mut imports = read.imports();
            for Known(_, from, to, reason) in KNOWN.iter().filter(|known| known.0 == name) {
                ensure!(
                    read.forget(&mut imports, from, to),
                    "{name}: {from} imports {to} no more, or in no circle; remove it from KNOWN in xtask/src/circles.rs"
                );
                println!("known: {name}: {from} -> {to}: {reason}");
            }
            found.extend(read.circles(&imports).iter().map(|circle| format!("{name}: {circle}")));
        }
    }
    if !found.is_empty() {
        bail!("files import each other in a circle; move what both need below them:\n  {}", found.join("\n  "));
    }
    Ok(())
}

/// Files each of which imports the next, and the last the first.
#[derive(Debug, PartialEq, Eq)]
struct Circle(Vec<String>);

impl std::fmt::Display for Circle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for file in &self.0 {
            write!(formatter, "{file} -> ")?;
        }
        formatter.write_str(self.0.first().map_or("", String::as_str))
    }
}

/// A path as segments, without `::`.
type Segments = Vec<String>;

/// A module: one file, or a part of one.
#[derive(Default)]
struct Module {
    file: usize,
    items: BTreeSet<String>,
    /// The names that it imports, and the paths that they stand for.
    bindings: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
    /// Every path that it imports or names.
    paths: Vec<Segments>,
}

/// The modules of a crate by their paths; the root has the empty one.
struct Crate {
    modules: BTreeMap<Segments, Module>,
    /// Relative to the folder of the root.
    files: Vec<PathBuf>,
}

/// The file of a definition.
enum Defined {
    In(usize),
    /// No definition is seen there, for example because a macro makes it.
    Perhaps(usize),
}

/// Reads the text of a file, if there is one.
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Crate {
    fn read(root: &Path, read: Read<'_>) -> Result<Self> {
        let mut new = Self { modules: BTreeMap::new(), files: Vec::new() };
        let folder = root.parent().context("a root lies in a folder")?;
        new.read_file(Vec::new(), root, folder, folder, read)?;
        Ok(new)
    }

    /// Reads a file with all modules in it and below it; `below` is the folder of its child modules.
    fn read_file(&mut self, path: Segments, file: &Path, below: &Path, src: &Path, read: Read<'_>) -> Result<()> {
        let text = read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        self.files.push(file.strip_prefix(src).unwrap_or(file).to_owned());
        let index = self.files.len() - 1;
        self.read_items(path, &parsed.items, index, below, src, read)
    }

    fn read_items(
        &mut self,
        path: Segments,
        items: &[Item],
        file: usize,
        below: &Path,
        src: &Path,
        read: Read<'_>,
    ) -> Result<()> {
        let mut module = Module { file, ..Module::default() };
        for item in items {
            if let Item::Mod(ItemMod { attrs, ident, content, .. }) = item {
                if is_test(attrs) {
                    continue;
                }
                let name = ident.to_string();
                let child: Segments = path.iter().cloned().chain([name.clone()]).collect();
                if let Some((_, items)) = content {
                    self.read_items(child, items, file, &below.join(&name), src, read)?;
                } else {
                    let folder = below.join(&name);
                    let [own, inside] = [below.join(format!("{name}.rs")), folder.join("mod.rs")];
                    let file = if read(&own).is_some() { own } else { inside };
                    self.read_file(child, &file, &folder, src, read)?;
                }
                continue;
            }
            if attributes(item).is_some_and(is_test) {
                continue;
            }
            Reader { module: &mut module }.visit_item(item);
            match item {
                // What it makes is taken for what it is given the names of.
                Item::Macro(item) if item.ident.is_none() => module.items.extend(made(&item.mac.tokens)),
                other => module.items.extend(name(other)),
            }
        }
        self.modules.insert(path, module);
        Ok(())
    }

    /// The file that defines what `path` names inside `module`; `None` if that is another crate's.
    fn file_of(&self, module: &[String], path: &[String], depth: usize) -> Option<Defined> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.file_below(&[], rest, depth),
            "self" => self.file_below(module, rest, depth),
            "super" => self.file_below(module.split_last()?.1, rest, depth),
            _ => self.knows(module, first).then(|| self.file_below(module, path, depth))?,
        }
    }

    fn knows(&self, module: &[String], name: &str) -> bool {
        let found = &self.modules[module];
        let child = child(module, name);
        found.bindings.contains_key(name) || found.items.contains(name) || self.modules.contains_key(&child)
    }

    fn file_below(&self, module: &[String], path: &[String], depth: usize) -> Option<Defined> {
        let found = self.modules.get(module)?;
        let Some((first, rest)) = path.split_first() else { return Some(Defined::In(found.file)) };
        if first == "super" {
            return self.file_below(module.split_last()?.1, rest, depth);
        }
        let child = child(module, first);
        if self.modules.contains_key(&child) {
            return self.file_below(&child, rest, depth);
        }
        if found.items.contains(first) {
            return Some(Defined::In(found.file));
        }
        // Re-exports can name each other.
        let Some(depth) = depth.checked_sub(1) else { return Some(Defined::Perhaps(found.file)) };
        if let Some(binding) = found.bindings.get(first) {
            let whole: Segments = binding.iter().chain(rest).cloned().collect();
            return self.file_of(module, &whole, depth);
        }
        let inside = found.globs.iter().filter_map(|glob| {
            let whole: Segments = glob.iter().chain(path).cloned().collect();
            self.file_of(module, &whole, depth).filter(|defined| matches!(defined, Defined::In(_)))
        });
        inside.into_iter().next().or(Some(Defined::Perhaps(found.file)))
    }

    /// Which file imports which; the root imports nothing.
    fn imports(&self) -> Vec<BTreeSet<usize>> {
        let mut imports = vec![BTreeSet::new(); self.files.len()];
        for (path, module) in &self.modules {
            let named = module.paths.iter().filter_map(|named| match self.file_of(path, named, 8)? {
                Defined::In(file) | Defined::Perhaps(file) => Some(file),
            });
            imports[module.file].extend(named.filter(|file| *file != module.file && module.file != 0));
        }
        imports
    }

    /// Removes the imports from one file or folder to another; false if none of them lies on a circle.
    fn forget(&self, imports: &mut [BTreeSet<usize>], from: &str, to: &str) -> bool {
        let below = |top: &str| -> BTreeSet<usize> {
            (0..self.files.len()).filter(|file| self.files[*file].starts_with(top)).collect()
        };
        let (from, to) = (below(from), below(to));
        let mut closed = false;
        for file in from {
            for imported in to.iter().filter(|imported| imports[file].contains(imported)) {
                closed |= reached(imports, *imported).contains(&file);
            }
            imports[file].retain(|imported| !to.contains(imported));
        }
        closed
    }

    /// One circle of every group of files that reach each other across folders.
    fn circles(&self, imports: &[BTreeSet<usize>]) -> Vec<Circle> {
        let reach: Vec<BTreeSet<usize>> = (0..imports.len()).map(|from| reached(imports, from)).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for file in 0..imports.len() {
            let group: BTreeSet<usize> =
                reach[file].iter().copied().filter(|other| reach[*other].contains(&file)).collect();
            if group.len() < 2 || !seen.insert(group.clone()) || self.is_in_one_place(&group) {
                continue;
            }
            circles.push(self.shortest(imports, &group));
        }
        circles
    }

    /// Whether all files lie in one folder, or are one module's own file and those of its folder.
    fn is_in_one_place(&self, group: &BTreeSet<usize>) -> bool {
        let folders: BTreeSet<_> = group.iter().map(|file| self.files[*file].parent()).collect();
        folders.len() == 1
            || group.iter().any(|top| {
                let top = &self.files[*top];
                let folder = if top.ends_with("mod.rs") { top.with_file_name("") } else { top.with_extension("") };
                group.iter().all(|file| self.files[*file] == *top || self.files[*file].starts_with(&folder))
            })
    }

    /// The shortest circle in a group that crosses folders; else the shortest of all.
    fn shortest(&self, imports: &[BTreeSet<usize>], group: &BTreeSet<usize>) -> Circle {
        let all = group.iter().filter_map(|from| shortest_from(imports, group, *from));
        let inside = |circle: &Vec<usize>| self.is_in_one_place(&circle.iter().copied().collect());
        let shortest = all.min_by_key(|circle| (inside(circle), circle.len())).unwrap_or_default();
        Circle(shortest.into_iter().map(|file| self.files[file].display().to_string().replace('\\', "/")).collect())
    }
}

fn child(module: &[String], name: &str) -> Segments {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn reached(imports: &[BTreeSet<usize>], from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<usize> = imports[from].iter().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(&imports[file]);
        }
    }
    reached
}

/// The shortest way from a file back to itself inside its group.
fn shortest_from(imports: &[BTreeSet<usize>], group: &BTreeSet<usize>, from: usize) -> Option<Vec<usize>> {
    let mut ways = std::collections::VecDeque::from([vec![from]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = *way.last()?;
        for next in imports[last].intersection(group) {
            if *next == from {
                return Some(way);
            }
            if seen.insert(*next) {
                ways.push_back(way.iter().copied().chain([*next]).collect());
            }
        }
    }
    None
}

/// Collects the paths of an item, without those of tests.
struct Reader<'a> {
    module: &'a mut Module,
}

impl Reader<'_> {
    fn tree(&mut self, tree: &UseTree, mut before: Segments) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before.clone())),
            UseTree::Glob(_) => {
                self.module.globs.push(before.clone());
                self.module.paths.push(before);
            }
            UseTree::Name(name) => self.bind(before, &name.ident.to_string(), None),
            UseTree::Rename(rename) => {
                self.bind(before, &rename.ident.to_string(), Some(rename.rename.to_string()));
            }
        }
    }

    fn bind(&mut self, mut path: Segments, name: &str, rename: Option<String>) {
        if name != "self" {
            path.push(name.to_owned());
        }
        let bound = rename.or_else(|| path.last().cloned()).unwrap_or_default();
        // `use x;` binds x to itself, and would be followed for ever.
        if path != [bound.clone()] {
            self.module.bindings.insert(bound, path.clone());
        }
        self.module.paths.push(path);
    }

    /// The paths in what a macro is given, which is no syntax yet.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Segments = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => path.push(ident.to_string()),
                TokenTree::Ident(ident) => {
                    self.keep(&mut path);
                    path.push(ident.to_string());
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                _ => self.keep(&mut path),
            }
            colons = 0;
            if let TokenTree::Group(group) = token {
                self.tokens(group.stream());
            }
        }
        self.keep(&mut path);
    }

    /// A path that begins in this crate.
    fn keep(&mut self, path: &mut Segments) {
        let path = std::mem::take(path);
        if path.len() > 1 && ["crate", "self", "super"].contains(&path[0].as_str()) {
            self.module.paths.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let before = self.module.paths.len();
        self.tree(&item.tree, Vec::new());
        if !matches!(item.vis, Visibility::Inherited) {
            // A re-export needs nothing of its own; those that import it need what it refers to.
            self.module.paths.truncate(before);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.keep(&mut segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.tokens(mac.tokens.clone());
        visit::visit_macro(self, mac);
    }

    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

/// The names after words such as `enum` in what a macro is given.
fn made(tokens: &TokenStream) -> Vec<String> {
    const WORDS: [&str; 7] = ["const", "enum", "fn", "static", "struct", "trait", "type"];
    let tokens: Vec<String> = tokens.clone().into_iter().map(|token| token.to_string()).collect();
    tokens.windows(2).filter(|pair| WORDS.contains(&pair[0].as_str())).map(|pair| pair[1].clone()).collect()
}

/// The name that an item defines.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate of these files.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let read = |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned())
        };
        let root = Path::new(files[0].0);
        let read = Crate::read(root, &read).expect("the files are there");
        read.circles(&read.imports()).iter().map(Circle::to_string).collect()
    }

    #[test]
    fn the_workspace_has_no_circle() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
        check(root).expect("no crate has a circle");
    }

    #[test]
    fn a_circle_across_folders_is_found() {
        let files = [
            ("src/lib.rs", "mod service; mod actions; pub use actions::Target;"),
            ("src/service.rs", "use crate::actions::answer; pub struct Service;"),
            ("src/actions.rs", "mod video; use video::plan; pub fn answer() { plan() }"),
            ("src/actions/video.rs", "use crate::service::Service; pub fn plan() {}"),
        ];
        let found = circles(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        for file in ["service.rs", "actions.rs", "actions/video.rs"] {
            assert!(found[0].contains(file), "{found:?}");
        }
    }

    #[test]
    fn a_circle_is_found_wherever_its_imports_are_written() {
        for import in [
            "use crate::b::B;",
            "use super::b::{self, B};",
            "use crate::*; fn f(_: crate::b::B) {}",
            "use crate::B;",
            "use crate::b as other;",
            "fn f() { crate::b::f() }",
            "fn f() { vec![crate::b::f()]; }",
            "mod inner { use super::super::b::B; }",
            "macro_rules! m { () => { $crate::b::f() }; }",
        ] {
            let files = [
                ("src/lib.rs", "mod a; mod b; pub use b::B;"),
                ("src/a.rs", import),
                ("src/b/mod.rs", "use crate::a; pub struct B;"),
            ];
            assert_eq!(circles(&files), ["a.rs -> b/mod.rs -> a.rs"], "{import}");
        }
    }

    #[test]
    fn a_known_import_is_left_out_once_and_only_where_it_closes_a_circle() {
        let text = |path: &Path| {
            let text = match path.to_str()? {
                "lib.rs" => "mod a; mod b; mod c;",
                "a.rs" => "use crate::b::B;",
                "b.rs" => "use crate::a; use crate::c; pub struct B;",
                "c.rs" => "",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let read = Crate::read(Path::new("lib.rs"), &text).expect("the files are there");
        let mut imports = read.imports();
        assert!(!read.forget(&mut imports.clone(), "b.rs", "c.rs"), "it closes no circle");
        assert!(!read.forget(&mut imports, "b.rs", "d.rs"), "there is no such file");
        assert!(read.forget(&mut imports, "b.rs", "a.rs"));
        assert_eq!(read.circles(&imports), []);
        assert!(!read.forget(&mut imports, "b.rs", "a.rs"));
    }

    #[test]
    fn what_points_one_way_is_no_circle() {
        let files = [
            ("src/main.rs", "mod a; mod b; mod c; use a::A; pub struct Root;"),
            ("src/a.rs", "use crate::b::B; use std::fmt; use crate::Root; pub struct A;"),
            ("src/b.rs", "use crate::c::C; pub struct B;"),
            ("src/c.rs", "pub struct C; #[cfg(test)] mod tests { use crate::a::A; }"),
        ];
        assert_eq!(circles(&files), [""; 0]);
    }

    #[test]
    fn a_re_export_is_followed_and_is_no_import() {
        let files = [
            ("src/lib.rs", "mod api; mod generated;"),
            ("src/api.rs", "pub use crate::generated::Code; pub trait Action {}"),
            ("src/generated/mod.rs", "mod account; mod errors; pub use account::*; pub use errors::*;"),
            ("src/generated/account.rs", "use crate::api::Action; pub struct Account;"),
            ("src/generated/errors.rs", "open_enum! { pub enum Code { A } }"),
        ];
        assert_eq!(circles(&files), [""; 0]);
        let closed = ("src/api.rs", "use crate::generated::{Account, Code}; pub trait Action {}");
        let files = [files[0], closed, files[2], files[3], files[4]];
        assert_eq!(circles(&files), ["api.rs -> generated/account.rs -> api.rs"]);
    }

    #[test]
    fn neighbours_in_one_folder_may_take_from_each_other() {
        let files = [
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", "use crate::b::B; pub struct A;"),
            ("src/b.rs", "use crate::a::A; pub struct B;"),
        ];
        assert_eq!(circles(&files), [""; 0]);
    }

    #[test]
    fn a_module_and_its_folder_may_take_from_each_other() {
        for (own, folder) in [("src/media.rs", "src/media"), ("src/media/mod.rs", "src/media")] {
            let h264 = format!("{folder}/h264.rs");
            let files = [
                ("src/lib.rs", "mod media;"),
                (own, "mod h264; use h264::encode; pub struct Size;"),
                (&h264, "use super::Size; pub fn encode() {}"),
            ];
            assert_eq!(circles(&files), [""; 0], "{own}");
        }
    }
}
