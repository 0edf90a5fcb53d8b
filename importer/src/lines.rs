//! The lines of a chat on disk, one after another: the file is never in memory as a whole.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line in bytes, which is in memory as a whole.
const MAX_LINE: u64 = 512 << 20;

/// Reads lines as `squaretable_compat::chat::split` tells them: what stands between line feeds, of an empty file one
/// empty line.
#[derive(Debug)]
pub struct Lines<R> {
    from: BufReader<R>,
    is_done: bool,
}

impl<R: Read> Lines<R> {
    /// Of what a reader gives.
    pub fn new(from: R) -> Self {
        Self {
            from: BufReader::with_capacity(1 << 20, from),
            is_done: false,
        }
    }

    /// The next line without its line feed, and whether it is the last; `None` after that.
    ///
    /// # Errors
    /// The reader failed, or a line is longer than 512 MiB.
    pub fn next(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        if self.is_done {
            return Ok(None);
        }
        let mut line = Vec::new();
        self.from
            .by_ref()
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut line)?;
        let is_last = line.last() != Some(&b'\n');
        if !is_last {
            line.pop();
        } else if line.len() as u64 > MAX_LINE {
            return Err(io::Error::other("it has a line longer than 512 MiB"));
        }
        self.is_done = is_last;
        Ok(Some((line, is_last)))
    }
}

#[cfg(test)]
mod tests {
    use squaretable_compat::chat;

    use super::*;

    #[test]
    fn lines_are_those_of_the_file_in_memory() {
        for file in ["", "\n", "a", "a\n", "a\r\n\nb", "\n\n", "\u{feff}a\nb\n"] {
            let mut lines = Lines::new(file.as_bytes());
            let mut read = Vec::new();
            while let Some((line, is_last)) = lines.next().unwrap() {
                read.push(line);
                assert_eq!(
                    is_last,
                    read.len() == chat::split(file.as_bytes()).len(),
                    "{file:?}"
                );
            }
            assert_eq!(read, chat::split(file.as_bytes()), "{file:?}");
        }
    }
}
