//! Questions that are asked at the same time, answered together: one statement for many.
//!
//! 1. Nobody waits for company: who finds fewer statements under way than there may be begins one. What is asked
//!    meanwhile goes with the next.
//! 2. An answer is never older than its question: a statement takes only what was asked before it began.
//! 3. Each gets its own answer. When a statement fails, all that were in it get the error.
//! 4. Statements run on tasks of their own: who goes away takes no answer from the others.
//! 5. Nothing hangs: when such a task dies, what it would have answered is answered with an error.

use crate::store::Error;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{runtime::Handle, sync::oneshot};

pub(super) struct Gathered<Q, A>(Arc<Shared<Q, A>>);

struct Shared<Q, A> {
    /// How many questions go in one statement.
    at_once: usize,
    /// How many statements may be under way.
    most: usize,
    is_one_alone: AtomicBool,
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    running: usize,
    waiting: VecDeque<Waiting<Q, A>>,
}

struct Waiting<Q, A> {
    question: Q,
    answer: Answer<A>,
}

type Answer<A> = oneshot::Sender<Result<A, Error>>;

impl<Q: Send + 'static, A: Send + 'static> Gathered<Q, A> {
    pub(super) fn new(most: usize, at_once: usize) -> Self {
        Self(Arc::new(Shared {
            at_once,
            most,
            is_one_alone: AtomicBool::new(false),
            state: Mutex::new(State {
                running: 0,
                waiting: VecDeque::new(),
            }),
        }))
    }

    /// For who would be the only one: while this is kept, others are gathered.
    pub(super) fn alone(&self) -> Option<Alone<'_>> {
        let shared = &*self.0;
        if shared.state().running > 0 {
            return None;
        }
        let was_one = shared.is_one_alone.swap(true, Ordering::Relaxed);
        (!was_one).then(|| Alone(&shared.is_one_alone))
    }

    /// Asks together with others: `work` runs a statement for the store, and answers in the order of the questions.
    ///
    /// # Cancel safety
    /// Dropped, the question may still be asked.
    pub(super) async fn ask<S, F>(
        &self,
        runtime: &Handle,
        store: &Arc<S>,
        question: Q,
        work: impl Fn(Arc<S>, Vec<Q>) -> F + Send + 'static,
    ) -> Result<A, Error>
    where
        S: Send + Sync + 'static,
        F: Future<Output = Result<Vec<A>, Error>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        if let Some(lane) = self.0.enter(Waiting { question, answer }) {
            let store = Arc::clone(store);
            runtime.spawn(lane.run(move |questions| work(Arc::clone(&store), questions)));
        }
        answered.await.unwrap_or_else(|_| {
            Err(Error::unavailable(
                "the statement that was to answer was dropped",
            ))
        })
    }
}

impl<Q, A> Shared<Q, A> {
    /// Whether another statement may begin.
    fn enter(self: &Arc<Self>, waiting: Waiting<Q, A>) -> Option<Lane<Q, A>> {
        let mut state = self.state();
        state.waiting.push_back(waiting);
        if state.running >= self.most {
            return None;
        }
        state.running += 1;
        Some(Lane {
            shared: Arc::clone(self),
            is_over: false,
        })
    }

    fn state(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One statement after the other, while there are questions.
struct Lane<Q, A> {
    shared: Arc<Shared<Q, A>>,
    is_over: bool,
}

impl<Q, A> Lane<Q, A> {
    async fn run<F>(mut self, ask: impl Fn(Vec<Q>) -> F)
    where
        F: Future<Output = Result<Vec<A>, Error>>,
    {
        while let Some((questions, answers)) = self.next() {
            reply(answers, ask(questions).await);
        }
    }

    fn next(&mut self) -> Option<(Vec<Q>, Vec<Answer<A>>)> {
        let mut state = self.shared.state();
        // Who asked may be gone.
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        if state.waiting.is_empty() {
            state.running -= 1;
            self.is_over = true;
            return None;
        }
        let now = state.waiting.len().min(self.shared.at_once);
        let now = state.waiting.drain(..now);
        Some(now.map(|one| (one.question, one.answer)).unzip())
    }
}

impl<Q, A> Drop for Lane<Q, A> {
    /// Its runtime was shut down, or a statement panicked: nobody else may be there to answer.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut state = self.shared.state();
        state.running -= 1;
        if state.running > 0 {
            return;
        }
        let forsaken = std::mem::take(&mut state.waiting);
        // Each wakes a task: not under the lock.
        drop(state);
        drop(forsaken);
    }
}

/// That one is answered by itself.
pub(super) struct Alone<'a>(&'a AtomicBool);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn reply<A>(to: Vec<Answer<A>>, answers: Result<Vec<A>, Error>) {
    match answers {
        Ok(answers) => {
            for (to, answer) in to.into_iter().zip(answers) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{
        FutureExt,
        future::{BoxFuture, join_all},
    };
    use std::future::{pending, ready};
    use tokio::task::yield_now;

    /// How many were asked together.
    type Sizes = Mutex<Vec<usize>>;

    fn doubled(sizes: Arc<Sizes>, questions: Vec<usize>) -> Doubled {
        async move {
            sizes.lock().unwrap().push(questions.len());
            yield_now().await;
            Ok(questions.into_iter().map(|number| number * 2).collect())
        }
        .boxed()
    }

    fn never(_: Arc<Sizes>, _: Vec<usize>) -> Doubled {
        pending().boxed()
    }

    type Doubled = BoxFuture<'static, Result<Vec<usize>, Error>>;

    #[tokio::test]
    async fn what_is_asked_at_the_same_time_is_asked_together() {
        let (gathered, sizes) = (Gathered::new(1, 500), Arc::default());
        let here = Handle::current();
        let all = (0..1_200).map(|number| gathered.ask(&here, &sizes, number, doubled));
        for (number, answer) in join_all(all).await.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), number * 2, "each gets its own answer");
        }
        assert_eq!(*sizes.lock().unwrap(), [500, 500, 200]);
    }

    #[tokio::test]
    async fn no_more_statements_are_under_way_than_may_be() {
        let (gathered, sizes) = (Gathered::new(2, 500), Arc::default());
        let here = Handle::current();
        let mut first = Box::pin(gathered.ask(&here, &sizes, 1, never));
        assert!(futures_util::poll!(&mut first).is_pending());
        yield_now().await;
        // One hangs, the other goes on.
        let all = (2..12).map(|number| gathered.ask(&here, &sizes, number, doubled));
        assert!(join_all(all).await.iter().all(Result::is_ok));
        assert_eq!(*sizes.lock().unwrap(), [10]);
        let mut second = Box::pin(gathered.ask(&here, &sizes, 12, never));
        assert!(futures_util::poll!(&mut second).is_pending());
        yield_now().await;
        let mut third = Box::pin(gathered.ask(&here, &sizes, 13, doubled));
        assert!(futures_util::poll!(&mut third).is_pending());
        yield_now().await;
        assert!(futures_util::poll!(&mut third).is_pending());
        assert_eq!(*sizes.lock().unwrap(), [10]);
    }

    #[tokio::test]
    async fn only_who_finds_nobody_is_alone() {
        let (gathered, here) = (Gathered::new(1, 500), Handle::current());
        let alone = gathered.alone();
        assert!(alone.is_some());
        assert!(gathered.alone().is_none());
        drop(alone);
        let sizes = Arc::default();
        let mut asked = Box::pin(gathered.ask(&here, &sizes, 1, never));
        assert!(futures_util::poll!(&mut asked).is_pending());
        assert!(gathered.alone().is_none());
    }

    #[tokio::test]
    async fn an_error_is_told_to_all_that_it_concerns_and_to_nobody_else() {
        let (gathered, here) = (Gathered::new(1, 500), Handle::current());
        let work = |_: Arc<()>, questions: Vec<usize>| {
            let is_second = questions.contains(&500);
            let failed = || Error::unavailable("the second statement");
            ready((!is_second).then_some(questions).ok_or_else(failed))
        };
        let nothing = Arc::default();
        let all = (0..1_200).map(|number| gathered.ask(&here, &nothing, number, work));
        for (number, answer) in join_all(all).await.iter().enumerate() {
            let is_in_the_second = (500..1_000).contains(&number);
            assert_eq!(answer.is_err(), is_in_the_second, "{number}");
        }
    }

    #[tokio::test]
    async fn who_goes_away_takes_no_answer_from_the_others() {
        let (gathered, sizes) = (Gathered::new(1, 500), Arc::default());
        let here = Handle::current();
        let asked = (0..3).map(|number| Box::pin(gathered.ask(&here, &sizes, number, doubled)));
        let mut asked: Vec<_> = asked.collect();
        for one in &mut asked {
            assert!(futures_util::poll!(one).is_pending());
        }
        // The first began the statement; the second is asked for nobody any more.
        drop(asked.drain(..2));
        assert_eq!(asked.remove(0).await.unwrap(), 4);
        assert_eq!(*sizes.lock().unwrap(), [1]);
    }

    #[tokio::test]
    async fn a_statement_that_dies_leaves_nobody_waiting() {
        let (gathered, sizes) = (Gathered::new(1, 1), Arc::default());
        let here = Handle::current();
        let dies = |_: Arc<Sizes>, _: Vec<usize>| async { panic!("in the statement") };
        let all = (0..2).map(|number| gathered.ask(&here, &sizes, number, dies));
        assert!(join_all(all).await.iter().all(Result::is_err));
        let after = gathered.ask(&here, &sizes, 21, doubled).await;
        assert_eq!(after.unwrap(), 42, "and the next begins anew");
    }
}
