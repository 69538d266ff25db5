//! The hash of a model's files: which weights a run used.

use std::{fmt::Write as _, fs::File, io, io::Read, path::Path};

use sha2::{Digest, Sha256};

/// SHA-256 of a file, or of all files of a directory in the order of their names.
///
/// # Errors
///
/// What the file system says.
pub(super) fn weights_hash(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    if path.is_dir() {
        let mut files: Vec<_> = path.read_dir()?.collect::<io::Result<_>>()?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        for file in files.into_iter().filter(|file| file.path().is_file()) {
            hash.update(file.file_name().as_encoded_bytes());
            update(&mut hash, &file.path())?;
        }
    } else {
        update(&mut hash, path)?;
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

fn update(hash: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        hash.update(&buffer[..n]);
    }
}
