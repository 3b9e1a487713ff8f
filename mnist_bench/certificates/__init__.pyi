from .certificate import Certificate as Certificate, certificate_of as certificate_of, certify as certify
from .certificate_file import read as read, write as write
from .verification import (
    Verification as Verification,
    VerifyOptions as VerifyOptions,
    judged as judged,
    verify as verify,
)
from .verification_lines import document as document, lines as lines
