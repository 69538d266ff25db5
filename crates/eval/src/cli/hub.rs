//! The model hub: `hf:org/name` to a directory on disk, fetched once.

use std::path::PathBuf;

use super::failure::Failure;

/// Where a model is: a path as it stands, or what `hf:org/name` was downloaded to.
///
/// # Errors
///
/// Bad input where the path does not exist or the model cannot be fetched.
pub(super) fn resolve(model: &str) -> Result<PathBuf, Failure> {
    if let Some(repository) = model.strip_prefix("hf:") {
        return fetch(repository);
    }
    let path = PathBuf::from(model);
    if !path.exists() {
        let reason = "give a GGUF file, a Hugging Face directory or `hf:org/name`";
        return Err(Failure::BadInput(anyhow::anyhow!("model `{model}` is not there; {reason}")));
    }
    Ok(path)
}

#[cfg(not(feature = "hub"))]
fn fetch(repository: &str) -> Result<PathBuf, Failure> {
    Err(Failure::BadInput(anyhow::anyhow!(
        "`hf:{repository}` needs a build with `--features hub`; `cargo xtask` adds it by itself"
    )))
}

#[cfg(feature = "hub")]
fn fetch(repository: &str) -> Result<PathBuf, Failure> {
    download::fetch(repository).map_err(|error| {
        Failure::BadInput(error.context(format!(
            "cannot fetch `hf:{repository}`; download the model elsewhere and give its directory"
        )))
    })
}

#[cfg(feature = "hub")]
mod download {
    //! Plain HTTPS downloads with short timeouts; partial files never take the final name.

    use std::{
        fs, io,
        path::{Path, PathBuf},
        time::Duration,
    };

    use anyhow::{Context, Result, bail};
    use serde_json::Value;
    use ureq::Agent;

    const SMALL: [&str; 4] =
        ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"];

    #[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
    fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    pub(super) fn fetch(repository: &str) -> Result<PathBuf> {
        let valid = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        match repository.split_once('/') {
            Some((org, name)) if valid(org) && valid(name) => {}
            _ => bail!("`{repository}` is not of the form `org/name`"),
        }
        let home = variable("ESPALIER_HUB").unwrap_or_else(|| "target/hub".to_owned());
        let dir = Path::new(&home).join(repository.replace('/', "--"));
        if dir.join(".complete").exists() {
            return Ok(dir);
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
        let host = variable("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let config = Agent::config_builder()
            .timeout_resolve(Some(Duration::from_secs(5)))
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_recv_response(Some(Duration::from_secs(15)));
        let hub =
            Hub { agent: config.build().into(), base: format!("{host}/{repository}/resolve/main") };
        for name in SMALL {
            hub.get(&dir, name, name == "config.json" || name == "tokenizer.json")?;
        }
        hub.get(&dir, "chat_template.jinja", false)?;
        let index = dir.join("model.safetensors.index.json");
        if hub.get(&dir, "model.safetensors.index.json", false)? {
            let index: Value = serde_json::from_slice(&fs::read(&index)?)?;
            let map = index.get("weight_map").and_then(Value::as_object);
            let mut shards: Vec<&str> =
                map.into_iter().flat_map(|map| map.values().filter_map(Value::as_str)).collect();
            shards.sort_unstable();
            shards.dedup();
            for shard in shards {
                if shard.contains(['/', '\\']) {
                    bail!("the index names the shard `{shard}`, which is not a plain file name");
                }
                hub.get(&dir, shard, true)?;
            }
        } else {
            hub.get(&dir, "model.safetensors", true)?;
        }
        fs::write(dir.join(".complete"), repository)?;
        Ok(dir)
    }

    struct Hub {
        agent: Agent,
        base: String,
    }

    impl Hub {
        /// Fetches one file unless it is there. Returns false if the hub does not have it.
        fn get(&self, dir: &Path, name: &str, required: bool) -> Result<bool> {
            let path = dir.join(name);
            if path.exists() {
                return Ok(true);
            }
            let url = format!("{}/{name}", self.base);
            let mut request = self.agent.get(&url);
            if let Some(token) = variable("HF_TOKEN") {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            let mut response = match request.call() {
                Ok(response) => response,
                Err(ureq::Error::StatusCode(404)) if !required => return Ok(false),
                Err(error) => bail!("`{name}`: {error}"),
            };
            let partial = dir.join(format!("{name}.partial"));
            let mut file = fs::File::create(&partial)?;
            io::copy(&mut response.body_mut().as_reader(), &mut file)
                .with_context(|| format!("`{name}` broke off"))?;
            file.sync_all()?;
            fs::rename(&partial, &path)?;
            Ok(true)
        }
    }
}
