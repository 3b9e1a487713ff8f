from .note_table import (
    Change as Change,
    Notes as Notes,
    annotate as annotate,
    change_notes as change_notes,
    check_note as check_note,
    make_note_table as make_note_table,
    notes_of as notes_of,
    remove_notes as remove_notes,
)
