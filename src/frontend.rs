//! The installed SillyTavern whose `public/` folder we serve and whose default content we read. Never edited.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// An installation of any kind: npm package, git clone, container image.
#[derive(Debug, Clone)]
pub struct Frontend {
    root: PathBuf,
    lib_js: Option<PathBuf>,
    version: String,
}

impl Frontend {
    /// Looks at `root` and checks that it is a SillyTavern.
    ///
    /// # Errors
    /// There is no `public/index.html`, or no readable `package.json`.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let root = root.to_path_buf();
        anyhow::ensure!(
            root.join("public/index.html").is_file(),
            "{} holds no SillyTavern frontend (public/index.html is missing). Run `make build`, or name an \
             installation with --frontend.",
            root.display()
        );
        let manifest = std::fs::read(root.join("package.json"))
            .with_context(|| format!("cannot read {}", root.join("package.json").display()))?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
        let version = manifest["version"].as_str().unwrap_or("UNKNOWN").to_owned();
        Ok(Self {
            lib_js: find_lib_js(&root),
            root,
            version,
        })
    }

    /// Folder of the static files.
    #[must_use]
    pub fn public(&self) -> PathBuf {
        self.root.join("public")
    }

    /// Folder of the default content and its `index.json`.
    #[must_use]
    pub fn default_content(&self) -> PathBuf {
        self.root.join("default/content")
    }

    /// Folder of the tokenizer models that come with it.
    #[must_use]
    pub fn tokenizers(&self) -> PathBuf {
        self.root.join("src/tokenizers")
    }

    /// The bundle served at `/lib.js`: the installation's own if it ever made one, else ours.
    #[must_use]
    pub fn lib_js(&self) -> Option<&Path> {
        self.lib_js.as_deref()
    }

    /// Version of the installation, `1.19.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Current branch and commit when the installation is a git clone.
    #[must_use]
    pub fn git(&self) -> Option<(String, String)> {
        let head = std::fs::read_to_string(self.root.join(".git/HEAD")).ok()?;
        let reference = head.trim().strip_prefix("ref: ")?;
        let commit = std::fs::read_to_string(self.root.join(".git").join(reference)).ok()?;
        let branch = reference.strip_prefix("refs/heads/")?.to_owned();
        Some((branch, commit.trim().chars().take(7).collect()))
    }
}

/// The newest `lib.js` that the installation's own server bundled (`<data>/_webpack/<hash>/output/lib.js`, in
/// containers below `dist/`), else the one that `make build` made beside our executable or below the working folder.
fn find_lib_js(root: &Path) -> Option<PathBuf> {
    let own = ["data/_webpack", "dist/_webpack"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).ok());
    let newest = own
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path().join("output/lib.js");
            Some((path.metadata().ok()?.modified().ok()?, path))
        })
        .max();
    if let Some((_, path)) = newest {
        return Some(path);
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.join("frontend/lib.js")));
    beside
        .into_iter()
        .chain([PathBuf::from("target/frontend/lib.js")])
        .find(|path| path.is_file())
}
