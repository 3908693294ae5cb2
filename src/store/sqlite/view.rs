//! Looking at sessions without changing anything.

use super::{connection::Inner, rows};
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
        let mut reader = self.read(TOMBSTONE).await?;
        let found = rows::one(&mut reader, id, TOMBSTONE).await?;
        Ok(found.and_then(|found| found.stored.tombstone()))
    }

    pub(super) async fn sessions_of(&self, subject: Subject) -> Result<Vec<Listed>, Error> {
        let now = self.clock.now();
        let mut reader = self.read(LIST).await?;
        let mut found = rows::of_subject(&mut reader, &subject, LIST).await?;
        found.retain(|found| found.is_live(now));
        Ok(found.iter().map(|found| found.stored.listed()).collect())
    }

    pub(super) async fn page_after(
        &self,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        let now = self.clock.now();
        let after = cursor.map(|cursor| cursor.as_bytes().to_vec());
        if after.as_ref().is_some_and(|id| id.len() != SessionId::LEN) {
            return Err(Error::corrupt(
                "the cursor of a page is not one of this store",
            ));
        }
        let limit = limit.clamp(1, LONGEST_PAGE);
        let query = sqlx::query(rows::PAGE)
            .bind(after.unwrap_or_default())
            .bind(count(limit));
        let mut reader = self.read(PAGE).await?;
        let mut found = rows::all(&mut reader, query, PAGE).await?;
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|last| Cursor::from_bytes(*last.stored.id.as_bytes()));
        found.retain(|found| found.is_live(now));
        let sessions = found.iter().map(|found| found.stored.listed()).collect();
        Ok(Page { sessions, next })
    }
}

/// How many rows one page looks at.
const LONGEST_PAGE: usize = 1_000;

const LIST: &str = "list";
const PAGE: &str = "page";
const TOMBSTONE: &str = "tombstone";
