"""What must be survived, from model files to terminals, and the tests that hold it.

The numbers are those of the list that the project began with.
"""

import ast
import functools
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DETERMINISM, CACHE = "test_determinism.py", "kernels/test_cache.py"
MISTAKES, SEQUENTIAL = "models/test_mistakes.py", "models/test_sequential.py"
PROCESSES, PROGRESS = "test_processes.py", "models/test_progress.py"
INPUTS, LOSSES = "conformance/test_inputs.py", "conformance/test_losses.py"
VECTORS, ARCHITECTURE = "conformance/test_vectors.py", "test_architecture.py"
MEMBERS, ARCHIVE = "test_members.py", "test_archive.py"
FILES, SAVING = "models/test_model_files.py", "models/test_saving.py"
TENSORS, FUZZ = "models/test_tensors.py", "models/test_fuzz.py"
IDX, NPZ = "datasets/test_idx.py", "datasets/test_npz.py"
FOLDER, DOWNLOAD = "datasets/test_image_folder.py", "datasets/test_download.py"
KILLED, RESUME = "test_kill_trials.py", "models/test_backup_and_restore.py"
CTRL_C, STATES = "models/test_ctrl_c.py", "models/test_callback_states.py"

ITEMS = {  # number: (what, {file: tests})
    1: (
        "empty, foreign and missing files, folders and devices",
        {
            FILES: ["foreign_file", "directory", "missing_file_is_another_error"],
            MEMBERS: ["what_is_no_file"],
            TENSORS: ["hostile_files", "mistakes"],
        },
    ),
    2: (
        "truncated at every k-th byte",
        {
            ARCHIVE: ["truncated_anywhere"],
            FILES: ["truncated_anywhere"],
            TENSORS: ["truncated_anywhere"],
            FUZZ: ["damaged_files_end_in_the_error_or_an_equal_model"],
        },
    ),
    3: (
        "flipped bytes in header, weights and directory",
        {
            ARCHIVE: ["flipped_anywhere", "a_digest_notices_what_crc_does_not"],
            FUZZ: ["damaged_files_end_in_the_error_or_an_equal_model"],
        },
    ),
    4: (
        "a header of 10^12 bytes",
        {TENSORS: ["hostile_files"], MEMBERS: ["a_hole_in_the_disk_is_no_memory"]},
    ),
    5: (
        "duplicate, overlapping and gapped members and tensors",
        {MEMBERS: ["hostile_archives"], TENSORS: ["hostile_files"]},
    ),
    6: (
        "shapes that are negative, 2^62, overflow, no axis, empty",
        {
            MEMBERS: ["hostile_members", "odd_members_that_are_right"],
            TENSORS: ["hostile_files"],
        },
    ),
    7: (
        "dtypes that are unknown, objects, of the other byte order",
        {
            MEMBERS: ["hostile_members", "odd_members_that_are_right"],
            TENSORS: ["hostile_files", "bfloat16_is_the_upper_half_of_float32"],
        },
    ),
    8: (
        "bombs: shapes, deflate",
        {MEMBERS: ["hostile_members", "hostile_archives"], NPZ: ["what_it_refuses"]},
    ),
    9: (
        "names of members that would be places outside, links, duplicates",
        {
            MEMBERS: ["hostile_archives"],
            ARCHIVE: ["what_cannot_be_written_leaves_no_file"],
        },
    ),
    10: (
        "unknown classes and arguments, 10^5-deep JSON, 10^9 units",
        {
            FILES: [
                "contents_that_do_not_fit",
                "a_file_cannot_ask_for_more_memory_than_it_holds",
            ],
            MEMBERS: ["hostile_archives"],
            FUZZ: ["damaged_files_end_in_the_error_or_an_equal_model"],
        },
    ),
    11: (
        "NaN and infinity in weights: loaded, with a warning",
        {SAVING: ["infinite_weights_load_with_a_warning"]},
    ),
    12: (
        "a newer format: written by X, needs Y; an older one",
        {MEMBERS: ["hostile_archives"], SAVING: ["format_1"]},
    ),
    13: (
        "weights that do not fit: all are listed, none changes; skip_mismatch",
        {
            FILES: ["several_faults_are_told_at_once", "contents_that_do_not_fit"],
            SAVING: ["skipped_mismatches_are_named"],
            TENSORS: ["what_does_not_fit_is_listed"],
        },
    ),
    14: (
        "pickle and .h5 are refused; nothing in a file is executed",
        {
            FILES: ["foreign_file"],
            ARCHITECTURE: ["nothing_is_unpickled_executed_or_unpacked"],
            FUZZ: ["damaged_files_end_in_the_error_or_an_equal_model"],
        },
    ),
    15: ("links of HDF5: no HDF5 is read", {FILES: ["foreign_file"]}),
    16: (
        "IDX: magic, counts, trailing bytes",
        {
            IDX: ["refused_with_file_and_reason", "refused_wherever_it_is_cut_off"]
            + ["pair_of_different_counts_is_refused", "swapped_pair_is_refused"]
        },
    ),
    17: (
        "gzip that is truncated, or larger than declared",
        {
            IDX: ["refused_wherever_it_is_cut_off"]
            + ["gz_bomb_uses_no_more_memory_than_declared"]
        },
    ),
    18: (
        "archives: nothing is unpacked, and no name becomes a path",
        {
            ARCHITECTURE: ["nothing_is_unpickled_executed_or_unpacked"],
            NPZ: ["other_members_are_left_alone"],
            FOLDER: ["links_out_of_the_folder_are_not_walked"],
        },
    ),
    19: (
        "odd images: skipped or converted, and counted",
        {FOLDER: ["every_odd_file", "a_decompression_bomb"]},
    ),
    20: (
        "CSV: byte order mark, missing, ragged",
        {
            "datasets/test_table.py": [
                *("one_table_in_many_forms", "missing_cells", "mistakes"),
            ]
        },
    ),
    21: (
        "empty class folders, one class, names of any script",
        {FOLDER: ["empty_folders_and_one_class", "names_of_any_script"]},
    ),
    22: (
        "a cache that is read-only or filled by another; checksums on every load",
        {
            DOWNLOAD: [
                *(
                    "cache_that_cannot_be_written",
                    "two_processes_fill_the_cache_at_once",
                ),
                "file_appears_in_the_cache_only_when_whole_and_verified",
            ],
            "datasets/test_fetch.py": ["checksum_is_verified_on_every_load"],
        },
    ),
    23: (
        "kill -9, a full disk, I/O errors, Ctrl-C at any byte of a save",
        {
            "models/test_save_faults.py": [
                *("a_fault_at_any_byte", "killed_at_any_moment"),
                "a_full_disk_as_the_system_reports_it",
            ],
            "test_atomic.py": [
                "data_then_name_then_folder_reach_the_disk",
                "what_a_killed_writer_left_is_removed_by_the_next",
            ],
        },
    ),
    24: (
        "one file for each checkpoint, of all that training depends on",
        {RESUME: ["the_last_are_kept", "cut_and_resumed_is_straight"]},
    ),
    25: (
        "the last k stay; one that is damaged is passed over with a warning",
        {
            RESUME: [
                "the_last_are_kept",
                "a_damaged_one_is_passed_over",
                "without_one_that_is_whole_training_begins_anew",
                "a_checkpoint_of_another_run_is_refused",
                "a_forged_checkpoint_changes_nothing",
            ],
        },
    ),
    26: (
        "exact resume, bit for bit, also in the middle of an epoch",
        {
            KILLED: [
                "training_killed_at_random_moments_and_resumed_is_the_straight_run"
            ],
            RESUME: [
                "cut_and_resumed_is_straight",
                "other_callbacks_see_every_event_once",
                "a_run_that_had_ended_is_not_trained_on",
                "a_generator_is_run_through_again",
                "a_source_that_changes_and_has_no_state",
            ],
            STATES: ["cut_and_resumed_is_straight"],
            "test_checkpoint.py": ["there_and_back", "random_generators"],
        },
    ),
    27: (
        "Ctrl-C ends fit in order, history kept; a second one at once",
        {
            CTRL_C: [
                "in_the_middle_of_an_epoch",
                "while_it_is_validated_the_epoch_ends",
                "twice_is_at_once",
                "resumed_it_is_the_straight_run",
            ],
        },
    ),
    28: (
        "an exception in a callback: the model is usable, files are closed",
        {CTRL_C: ["an_exception_in_a_callback"], RESUME: ["a_full_disk"]},
    ),
    29: (
        "two runs on one path; a run that was killed leaves no lock",
        {
            RESUME: [
                "two_runs_on_one_folder",
                "another_process_holds_the_folder_until_it_is_killed",
                "a_forked_child_does_not_keep_the_lock",
            ],
        },
    ),
    30: (
        "same seed, versions and machine: same bits, whatever the threads",
        {DETERMINISM: ["same_bits_for_any_number_of_threads_in_any_process"]},
    ),
    31: (
        "drawn numbers are compared by their moments, never with stored ones",
        {"test_initializers.py": ["uniform_limits", "normal_deviations"]},
    ),
    32: (
        "sums are cut by size alone and added in order; one loop is parallel",
        {
            DETERMINISM: ["same_bits_for_any_number_of_threads_in_any_process"],
            "kernels/test_tasks.py": ["one_function_alone_is_compiled_in_parallel"],
        },
    ),
    33: (
        "no global random numbers; a stream for every layer and for shuffling",
        {
            ARCHITECTURE: ["no_global_random_numbers"],
            SEQUENTIAL: [
                "same_seed_same_weights_without_global_state",
                "layer_at_the_end_changes_no_earlier_weights",
            ],
            DETERMINISM: [
                "layers_behind_move_neither_order_nor_masks",
                "layers_before_do_not_move_the_order",
                "shuffling_and_validation_move_no_masks",
                "predicting_between_batches_moves_nothing",
            ],
        },
    ),
    34: ("no fastmath=True", {ARCHITECTURE: ["no_flag_of_fast_maths_loses_nan"]}),
    35: (
        "ReLU and max-pooling pass NaN on",
        {
            VECTORS: ["functions_of_odd_numbers"],
            "conformance/test_images.py": ["max_pooling"],
            "kernels/test_winograd.py": ["nan_and_infinity_never_vanish"],
        },
    ),
    36: (
        "logits of 1e4 and infinity; no variance, one sample; all weights zero",
        {
            LOSSES: ["odd_numbers", "probability_of_1_is_clipped"],
            VECTORS: ["softmax_of_odd_rows", "batch_normalization_without_variance"],
            "models/test_validation.py": ["all_weights_zero"],
        },
    ),
    37: (
        "arrays of every kind: the right result, nothing outside is touched",
        {
            INPUTS: ["layers", "losses"],
            "test_inputs.py": [
                *("wrong_at_every_door", "taken_for_what_it_holds"),
                "numbers_too_large_for_float32",
            ],
            "models/test_evaluate.py": ["any_array_of_real_numbers_will_do"],
            "test_guards.py": ["models_train_to_the_same_bits_between_guards"],
        },
    ),
    38: ("bytes that are not scaled: warn once", {MISTAKES: ["odd_inputs"]}),
    39: (
        "divergence: epoch, batch and layer; TerminateOnNaN at once",
        {
            "models/test_learning.py": [
                "divergence_is_told_with_its_place",
                "divergence_is_told_by_one_warning_alone",
            ],
            "models/test_terminate_on_nan.py": ["it_stops_after_that_batch"],
        },
    ),
    40: (
        "products of sizes beyond 2^31",
        {
            "kernels/test_huge_arrays.py": ["conv2d", "dense", "entry_by_entry"],
            "models/test_evaluate.py": ["a_large_image_side_does_not_overflow"],
        },
    ),
    41: (
        "learning rates of 0, below 0, NaN and 1e30",
        {
            "test_optimizers.py": ["impossible_rates", "rate_zero_and_whole_numbers"],
            "models/test_learning.py": ["divergence_is_told_with_its_place"],
        },
    ),
    42: (
        "a user's mistakes: what was expected, what came, where, how to mend it",
        {
            MISTAKES: [
                *("inputs", "types_of_inputs", "targets", "options", "before_compile"),
                *("unknown_names", "arguments_of_layers", "memory_that_is_not_there"),
                *("units_that_are_no_whole_number", "window_that_does_not_fit"),
                *(
                    "metric_that_does_not_suit_the_targets",
                    "a_loss_without_predictions",
                ),
                "loss_that_takes_something_else",
            ],
            "models/test_feeds.py": [
                *("a_generator_that_ends_early", "a_later_batch_of_another_form"),
                *("nothing_was_trained", "what_might_not_begin_anew_is_refused_first"),
            ],
            "models/test_fine_tuning.py": ["a_change_after_compile_is_warned_of_once"],
            "models/test_validation.py": ["wrong_validation_data_say_so"],
            "models/test_metrics_in_fit.py": [
                "a_metric_that_fails_says_so_before_training",
                "metrics_that_cannot_be_called",
                "a_function_that_returns_no_number_is_named",
            ],
            "models/test_learning_rate.py": [
                *("odd_schedules", "a_rate_is_no_schedule"),
                "a_rate_that_follows_a_schedule_is_said_before_training",
            ],
            "models/test_model_checkpoint.py": [
                "a_metric_of_unknown_direction_is_refused_before_training"
            ],
            SEQUENTIAL: [
                *("model_without_layers", "same_layer_twice_is_refused"),
                "layers_added_after_fit",
            ],
            "layers/test_layers.py": ["impossible_arguments", "inputs_that_do_not_fit"],
            "models/test_callbacks.py": ["only_callbacks_are_taken"],
            "models/test_early_stopping.py": [
                "a_name_that_is_no_metrics_is_refused_before_training"
            ],
            "models/test_interrupted.py": ["a_failed_step_moves_no_weight"],
        },
    ),
    43: (
        "a forked child computes, without threads, to the same bits",
        {
            PROCESSES: [
                "a_forked_child_trains_to_the_same_bits",
                "a_pool_of_processes",
            ],
            "kernels/test_tasks.py": ["a_forked_child_computes_without_threads"],
        },
    ),
    44: (
        "two Python threads train at once, also on workqueue",
        {PROCESSES: ["python_threads_train_models_side_by_side"]},
    ),
    45: (
        "one knob for threads: BLAS is not on the way",
        {ARCHITECTURE: ["blas_is_not_on_the_way"]},
    ),
    46: (
        "truncated and corrupt files of machine code",
        {CACHE: ["a_spoilt_file_is_deleted_and_written_anew"]},
    ),
    47: (
        "a read-only install without HOME; a NUMBA_CACHE_DIR that takes nothing",
        {
            "test_wheel.py": ["a_wheel_elsewhere_read_only_and_without_home"],
            CACHE: ["a_folder_that_no_longer_takes_files"],
        },
    ),
    48: (
        "an edit in another kernel file",
        {CACHE: ["an_edit_of_any_kernel_file_is_another_key"]},
    ),
    49: (
        "a cache that others write, or delete",
        {
            CACHE: ["a_folder_that_is_deleted_meanwhile"],
            PROCESSES: ["two_processes_may_fill_one_cache"],
        },
    ),
    50: (
        "the first call compiles: one line, and left out of the rate",
        {
            CACHE: ["a_person_is_told_once_why_the_first_step_takes_long"],
            PROGRESS: ["first_step_is_left_out_of_the_rate"],
        },
    ),
    51: ("NUMBA_DISABLE_JIT=1", {"test_packaging.py": ["without_the_jit"]}),
    52: ("import compiles nothing", {"test_packaging.py": ["import_compiles_nothing"]}),
    53: (
        "extras that are missing",
        {
            "test_command.py": ["an_image_without_pillow"],
            PROGRESS: ["no_bar_without_tqdm"],
            "plots/test_curves.py": ["without_matplotlib"],
        },
    ),
    54: (
        "no terminal, a dumb one, ASCII, NO_COLOR, a closed pipe",
        {
            PROGRESS: [
                *("one_line_an_epoch", "no_bar_on_a_dumb_terminal", "no_colours"),
                *("ascii_stdout", "a_terminal_that_knows_ascii_alone"),
                "metrics_with_names_that_stdout_cannot_show",
            ],
            "models/test_summary.py": ["names_that_stdout_cannot_show"],
            "models/test_model_checkpoint.py": ["a_path_that_stdout_cannot_show"],
            RESUME: ["a_folder_that_stdout_cannot_show"],
            "test_command.py": [
                "ascii_output_and_a_closed_pipe",
                "train_writes_a_page",
            ],
        },
    ),
}


@functools.cache
def named_in(file):
    tree = ast.parse((HERE / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("number", range(1, 55))
def test_it_is_held(number):
    what, files = ITEMS[number]
    for file, names in files.items():
        missing = {f"test_{name}" for name in names} - named_in(file)
        assert not missing, f"{what}: {file} has no {', '.join(sorted(missing))}"
