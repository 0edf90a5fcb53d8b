//! Tasks of others that are asked for until they are done.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long all answers together may take, besides the pauses between the questions.
const ANSWERS: Duration = Duration::from_mins(5);

/// How often a task is asked for, and how long it is left alone before each question.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    first: Duration,
    /// By how much each pause is longer than the one before.
    more: Duration,
    questions: u32,
    is_at_once: bool,
    answers: Duration,
}

impl Polling {
    /// At most so many questions, with the same pause before each.
    #[must_use]
    pub const fn every(pause: Duration, questions: u32) -> Self {
        Self {
            first: pause,
            more: Duration::ZERO,
            questions,
            is_at_once: false,
            answers: ANSWERS,
        }
    }

    /// As [`every`](Self::every), each pause after the first longer by `more` than the one before.
    #[must_use]
    pub const fn slowing(first: Duration, more: Duration, questions: u32) -> Self {
        Self {
            more,
            ..Self::every(first, questions)
        }
    }

    /// Without the pause before the first question.
    #[must_use]
    pub const fn at_once(self) -> Self {
        Self {
            is_at_once: true,
            ..self
        }
    }

    /// Without pauses, for tests.
    #[must_use]
    pub const fn hurried(self) -> Self {
        Self {
            first: Duration::ZERO,
            more: Duration::ZERO,
            ..self
        }
    }

    /// With so many questions, for tests.
    #[must_use]
    pub const fn at_most(self, questions: u32) -> Self {
        Self { questions, ..self }
    }

    fn pauses(self) -> impl Iterator<Item = Duration> {
        (0..self.questions).map(move |question| match question {
            0 if self.is_at_once => Duration::ZERO,
            later => self.first + self.more * later,
        })
    }

    /// What `ask` finds; `None` when that is nothing until the end, or an answer does not come.
    ///
    /// # Errors
    /// The first one of `ask`.
    pub(super) async fn until<T, E, F>(self, mut ask: impl FnMut() -> F) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        let whole = self.pauses().sum::<Duration>() + self.answers;
        let asking = async {
            for pause in self.pauses() {
                sleep(pause).await;
                if let Some(found) = ask().await? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        };
        timeout(whole, asking).await.unwrap_or(Ok(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_or_stay() {
        let seconds = |polling: Polling| {
            polling
                .pauses()
                .map(|pause| pause.as_secs_f64())
                .collect::<Vec<_>>()
        };
        assert_eq!(seconds(Polling::every(SECOND, 3)), [1.0, 1.0, 1.0]);
        assert_eq!(seconds(Polling::every(SECOND, 2).at_once()), [0.0, 1.0]);
        assert_eq!(seconds(Polling::slowing(5 * SECOND, SECOND, 3)), [5.0, 6.0, 7.0]);
        assert_eq!(
            seconds(Polling::slowing(SECOND, SECOND, 3).hurried().at_most(2)),
            [0.0, 0.0]
        );
    }

    #[tokio::test]
    async fn an_end_comes_in_any_case() {
        let polling = Polling {
            answers: Duration::from_millis(50),
            ..Polling::every(SECOND, 3).hurried()
        };
        let mut asked = 0;
        let found = polling.until(|| {
            asked += 1;
            let found = (asked == 2).then_some(asked);
            async move { Ok::<_, ()>(found) }
        });
        assert_eq!(found.await, Ok(Some(2)));
        let mut asked = 0;
        let nothing = polling.until(|| {
            asked += 1;
            async { Ok::<Option<()>, ()>(None) }
        });
        assert_eq!(nothing.await, Ok(None));
        assert_eq!(asked, 3);
        let failed = polling.until(|| async { Err::<Option<()>, _>("why") });
        assert_eq!(failed.await, Err("why"));
        let silent = polling.until(|| async { std::future::pending::<Result<Option<()>, ()>>().await });
        assert_eq!(silent.await, Ok(None));
    }
}
