//! Looking at sessions without changing anything.

use super::{connection::Inner, rows::Answered};
use crate::{
    id::{SessionId, Subject},
    record::Tombstone,
    store::{Cursor, Error, Listed, Page, sql::count},
};
use std::sync::Arc;

impl Inner {
    pub(super) async fn tombstone_of(
        &self,
        id: SessionId,
    ) -> Result<Option<Arc<Tombstone>>, Error> {
        let query = self.statements.tombstone().bind(id.as_bytes().to_vec());
        let rows = self.rows("tombstone", query).await?;
        let row = rows.first();
        row.map(|row| Answered::read(row, self)?.tombstone())
            .transpose()
    }

    pub(super) async fn sessions_of(&self, subject: Subject) -> Result<Vec<Listed>, Error> {
        let query = self.statements.list().bind(subject.as_str().to_owned());
        let rows = self.rows("list", query).await?;
        rows.iter()
            .map(|row| Ok(Answered::read(row, self)?.stored()?.listed()))
            .collect()
    }

    pub(super) async fn page_after(
        &self,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        let after = cursor.map(|cursor| cursor.as_bytes().to_vec());
        if after.as_ref().is_some_and(|id| id.len() != SessionId::LEN) {
            return Err(Error::corrupt(
                "the cursor of a page is not one of this store",
            ));
        }
        let limit = limit.clamp(1, LONGEST_PAGE);
        let query = self.statements.page();
        let query = query.bind(after.unwrap_or_default()).bind(count(limit));
        let rows = self.rows("page", query).await?;
        let (mut sessions, mut next) = (Vec::with_capacity(rows.len()), None);
        for row in &rows {
            let answered = Answered::read(row, self)?;
            let stored = answered.stored()?;
            next = Some(Cursor::from_bytes(*stored.id.as_bytes()));
            if answered.verdict == "live" {
                sessions.push(stored.listed());
            }
        }
        let next = next.filter(|_| rows.len() == limit);
        Ok(Page { sessions, next })
    }
}

/// How many rows one page looks at.
const LONGEST_PAGE: usize = 1_000;
