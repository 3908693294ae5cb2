//! The store contract as cases: one public function each, one file a topic.
//!
//! Each case opens a store of its own through the [`StoreHarness`](super::StoreHarness) that it is
//! given, and panics when the store breaks the contract. [`store_suite!`](super::store_suite)
//! calls them all; call one by hand to look into a failure. They need a runtime with several
//! threads.

pub mod check_in;
pub mod create;
pub mod cut;
pub mod end;
mod fixture;
pub mod limit;
pub mod list;
pub mod notices;
pub mod parallel;
pub mod pending;
pub mod race;
pub mod rotate;
pub mod sweep;
pub mod ticket;
pub mod tombstone;
pub mod write;

/// Expands to one `#[tokio::test]` for each case of the store contract.
///
/// The argument is an expression for a new [`StoreHarness`](crate::testing::StoreHarness); it is
/// evaluated once for each test. The crate that uses it needs tokio with `macros` and
/// `rt-multi-thread`. The tests are named `<topic>::<case>`.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_suite {
    ($harness:expr $(,)?) => {
        $crate::__store_cases! {
            $harness;
            create {
                a_new_session_is_live_and_has_what_it_was_given,
                an_exact_repeat_is_answered_created_again,
                a_taken_id_is_a_conflict_and_changes_nothing,
                an_ended_id_is_never_taken_again,
                a_due_id_is_never_taken_again,
                parallel_repeats_create_one_session,
                subjects_are_told_apart_byte_for_byte,
                minted_ids_do_not_repeat,
                an_anonymous_session_belongs_to_nobody,
                the_longest_times_are_kept,
            }
            limit {
                a_log_in_beyond_the_limit_is_refused,
                a_log_in_beyond_the_limit_ends_the_oldest,
                the_replaced_session_is_not_counted,
                a_refused_log_in_leaves_the_replaced_session_alone,
                the_replaced_session_of_another_subject_is_left_alone,
                a_replaced_session_that_is_dead_keeps_its_cause,
                dead_sessions_are_not_counted,
                anonymous_sessions_are_not_limited,
                parallel_log_ins_never_exceed_the_limit_when_refusing,
                parallel_log_ins_never_exceed_the_limit_when_ending,
            }
            check_in {
                an_id_that_nobody_minted_is_unknown,
                a_wrong_secret_learns_nothing,
                a_wrong_secret_touches_nothing,
                a_session_that_idled_out_is_not_touched_back_to_life,
                the_absolute_deadline_is_not_moved_by_activity,
                a_cut_session_is_not_touched_back_to_life,
                idle_fires_within_the_touch_interval_and_never_early,
                a_touch_is_written_once_an_interval,
                passive_requests_do_not_keep_a_session_alive,
                without_idle_timeout_only_the_absolute_deadline_counts,
                a_clock_set_back_revives_nothing,
                check_answers_in_the_order_of_the_ids,
                check_takes_five_hundred_ids,
            }
            parallel {
                check_ins_are_answered_each_for_itself,
            }
            write {
                values_are_merged_by_name,
                the_last_writer_of_a_name_wins,
                an_unexpected_revision_is_a_conflict,
                a_session_that_is_not_live_is_not_written_to,
                a_write_is_no_activity,
                an_empty_update_writes_nothing,
                parallel_writes_of_different_names_are_all_kept,
                parallel_writes_of_one_revision_let_one_through,
                grants_are_merged_by_name_and_end_by_themselves,
                what_is_left_behind_is_kept_apart_from_the_values,
                names_and_values_of_any_bytes_are_kept,
            }
            rotate {
                a_rotation_keeps_the_session,
                without_grace_the_old_secret_is_outdated_at_once,
                within_its_grace_the_old_secret_is_good,
                the_grace_is_over_once_the_new_secret_is_presented,
                an_exact_repeat_is_answered_written,
                a_second_rotation_from_the_same_secret_is_outdated,
                parallel_rotations_let_one_through,
                a_wrong_secret_rotates_nothing_and_learns_nothing,
                a_session_that_is_not_live_is_not_rotated,
                a_repeat_after_the_ending_is_not_written,
                an_ending_is_told_to_both_secrets,
                a_due_session_is_due_to_both_secrets,
                the_secret_before_the_previous_is_wrong,
            }
            end {
                the_winner_is_told_the_facts,
                an_unknown_session_is_not_ended,
                a_repeated_attempt_is_first_again,
                a_repeated_attempt_is_leased_again,
                a_repeated_attempt_after_the_work_is_already,
                the_earliest_cause_wins,
                an_ending_is_not_changed_by_later_deadlines,
                parallel_ends_have_one_winner,
                end_many_answers_those_that_it_ended,
                one_attempt_may_end_several_sessions,
            }
            tombstone {
                a_session_that_did_not_end_has_no_tombstone,
                a_tombstone_is_kept_until_the_absolute_deadline,
                a_tombstone_is_kept_for_an_hour_at_least,
            }
            cut {
                a_cut_of_a_subject_covers_its_sessions_only,
                the_kept_session_lives_on,
                a_session_that_is_not_live_cannot_be_kept,
                a_cut_of_everyone_covers_everyone,
                a_cut_is_effective_at_once_among_very_many,
                created_before_narrows_a_cut,
                the_first_cut_names_the_reason,
                a_cut_keeps_its_whole_cause,
                a_cut_holds_until_its_sessions_are_gone,
                the_kept_session_is_live_at_every_moment,
            }
            ticket {
                a_log_in_that_raced_with_a_cut_is_outdated,
                a_ticket_is_judged_though_no_session_was_there,
                a_narrow_cut_outdates_the_tickets_from_before_its_instant,
                a_ticket_has_a_lifetime,
                a_cut_divides_parallel_log_ins,
            }
            sweep {
                each_session_is_ended_at_its_time_and_not_before,
                a_touched_session_is_found_later,
                many_touched_sessions_are_all_found_later,
                fewer_than_the_limit_means_none_are_left,
                cut_sessions_are_found,
                parallel_sweepers_end_each_session_once,
                a_sweep_and_a_logout_have_one_winner,
                the_work_of_a_sweep_is_leased,
            }
            pending {
                leased_work_is_not_handed_out,
                work_is_taken_over_when_the_lease_is_over,
                a_renewed_lease_lasts,
                acknowledging_twice_is_harmless,
                parallel_takers_get_each_piece_once,
                the_work_of_superseded_sessions_is_taken_over,
                a_repeat_after_a_take_over_does_not_shut_out_the_taker,
                pending_work_outlives_the_tombstone,
            }
            list {
                a_list_is_oldest_first,
                a_list_shows_the_facts,
                lists_show_live_sessions_only,
                pages_show_each_session_once,
                pages_are_stable_under_concurrent_change,
                an_ending_between_two_pages_skips_nobody,
            }
            notices {
                every_ending_is_told,
                a_cut_is_told,
                an_ending_is_told_once,
                a_node_that_falls_behind_is_told_of_the_gap,
            }
            race {
                a_touch_never_revives,
                a_touch_by_id_never_revives,
                an_update_never_revives,
                a_rotation_never_revives,
                keeping_never_revives,
                a_repeated_create_never_revives,
                replacing_and_ending_have_one_winner,
                a_touch_at_the_deadline_is_in_time_or_too_late,
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($harness:expr; $($topic:ident { $($case:ident,)+ })+) => {$(
        mod $topic {
            #[allow(unused_imports, reason = "for the names in the harness expression")]
            use super::*;

            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    $crate::testing::suite::$topic::$case($harness).await;
                }
            )+
        }
    )+};
}

#[cfg(test)]
mod tests {
    /// A case that is written but not called would be a promise that nobody tests.
    #[test]
    fn the_macro_calls_every_case() {
        let list = include_str!("mod.rs");
        for topic in [
            include_str!("create.rs"),
            include_str!("limit.rs"),
            include_str!("check_in.rs"),
            include_str!("write.rs"),
            include_str!("rotate.rs"),
            include_str!("end.rs"),
            include_str!("tombstone.rs"),
            include_str!("cut.rs"),
            include_str!("ticket.rs"),
            include_str!("sweep.rs"),
            include_str!("pending.rs"),
            include_str!("list.rs"),
            include_str!("notices.rs"),
            include_str!("race.rs"),
        ] {
            let cases = topic
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn "));
            for case in cases {
                let name = case.split('<').next().unwrap();
                let called = list.lines().any(|line| line.trim() == format!("{name},"));
                assert!(called, "store_suite! does not call {name}");
            }
        }
    }
}
