//! Questions that are asked at the same time, answered together: one statement and one commit for many.
//!
//! 1. Nobody waits for company: who finds no statement under way begins one. What is asked meanwhile goes with the next.
//! 2. One statement at a time, so that many questions take one connection of the pool.
//! 3. Each gets its own answer. When a statement fails, all that were in it get the error.
//! 4. Nothing hangs: a question whose statement was dropped is answered with an error.

use crate::store::Error;
use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};
use tokio::sync::{Mutex as Turn, oneshot};

pub(super) struct Gathered<Q, A> {
    waiting: Mutex<VecDeque<Waiting<Q, A>>>,
    /// Who has it runs the next statement.
    turn: Turn<()>,
}

struct Waiting<Q, A> {
    question: Q,
    answer: oneshot::Sender<Result<A, Error>>,
}

impl<Q, A> Gathered<Q, A> {
    /// Asks together with others; `ask` answers in the order of the questions.
    ///
    /// # Cancel safety
    /// Dropped, the question may still be asked, and others with it answered with an error.
    pub(super) async fn ask<F>(&self, question: Q, ask: impl Fn(Vec<Q>) -> F) -> Result<A, Error>
    where
        F: Future<Output = Result<Vec<A>, Error>>,
    {
        let (answer, mut answered) = oneshot::channel();
        self.waiting().push_back(Waiting { question, answer });
        loop {
            let mut turn = pin!(self.turn.lock());
            let first = poll_fn(|cx| match Pin::new(&mut answered).poll(cx) {
                Poll::Ready(answered) => Poll::Ready(Err(answered)),
                Poll::Pending => turn.as_mut().poll(cx).map(Ok),
            });
            let turn = match first.await {
                Ok(turn) => turn,
                Err(answered) => return answered.unwrap_or_else(|_| Err(dropped())),
            };
            let (questions, answers) = self.next();
            if questions.is_empty() {
                // Asked by who had the turn before, and answered.
                drop(turn);
                return answered.await.unwrap_or_else(|_| Err(dropped()));
            }
            reply(answers, ask(questions).await);
        }
    }

    fn next(&self) -> (Vec<Q>, Vec<oneshot::Sender<Result<A, Error>>>) {
        let mut waiting = self.waiting();
        let now = waiting.len().min(AT_ONCE);
        let now = waiting.drain(..now);
        now.map(|waiting| (waiting.question, waiting.answer))
            .unzip()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting<Q, A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, A> Default for Gathered<Q, A> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            turn: Turn::default(),
        }
    }
}

fn reply<A>(to: Vec<oneshot::Sender<Result<A, Error>>>, answers: Result<Vec<A>, Error>) {
    match answers {
        Ok(answers) => {
            for (to, answer) in to.into_iter().zip(answers) {
                // Who asked may be gone.
                let _gone = to.send(Ok(answer));
            }
        }
        Err(error) => {
            for to in to {
                let _gone = to.send(Err(error.clone()));
            }
        }
    }
}

fn dropped() -> Error {
    Error::unavailable("the statement that was to answer was dropped")
}

/// How many questions go in one statement: some milliseconds of work.
const AT_ONCE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::{cell::RefCell, future::pending};
    use tokio::task::yield_now;

    #[tokio::test]
    async fn what_is_asked_at_the_same_time_is_asked_together() {
        let gathered = Gathered::default();
        let statements = RefCell::new(Vec::new());
        let ask = |questions: Vec<usize>| async {
            statements.borrow_mut().push(questions.len());
            yield_now().await;
            Ok(questions.into_iter().map(|number| number * 2).collect())
        };
        let all = (0..1_200).map(|number| gathered.ask(number, ask));
        let answers = join_all(all).await;
        for (number, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), number * 2, "each gets its own answer");
        }
        assert_eq!(*statements.borrow(), [1, AT_ONCE, AT_ONCE, 199]);
    }

    #[tokio::test]
    async fn an_error_is_told_to_all_that_it_concerns_and_to_nobody_else() {
        let gathered = Gathered::default();
        let answer = |questions: Vec<usize>| {
            let is_second = questions.contains(&1);
            let failed = || Error::unavailable("the second statement");
            (!is_second).then_some(questions).ok_or_else(failed)
        };
        let ask = |questions| async move {
            yield_now().await;
            answer(questions)
        };
        let all = (0..600).map(|number| gathered.ask(number, ask));
        let answers = join_all(all).await;
        for (number, answer) in answers.iter().enumerate() {
            let is_in_the_second = (1..=AT_ONCE).contains(&number);
            assert_eq!(answer.is_err(), is_in_the_second, "{number}");
        }
    }

    #[tokio::test]
    async fn who_goes_away_leaves_nobody_waiting() {
        let gathered = Gathered::default();
        let hangs = |_| pending::<Result<Vec<usize>, Error>>();
        let answers = |questions| async { Ok(questions) };
        let mut first = Box::pin(gathered.ask(1, hangs));
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut second = Box::pin(gathered.ask(2, answers));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(second.await.unwrap(), 2);
    }
}
