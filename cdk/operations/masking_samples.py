"""Made-up secrets that a masked log group must not show, and texts that it must not mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# Not one of the numbers that card issuers reserve for tests: CloudWatch Logs ignores those.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/protect-sensitive-log-data-types-financial.html
_CARD = "4539578763621486"
_IBAN = "DE89370400440532013000"
_KEY_BODY = "MC4CAQAwBQYDK2VwBCIEIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"
MASKING_MARKER = "ana@example.com"
"""A text that identifies the log record of a call with `masking_prompt`; it is not masked."""
_KEPT = (MASKING_MARKER, "192.0.2.7", "Ana Example")


@dataclass(frozen=True, slots=True)
class MaskingSample:
    """A sentence with a secret.

    Attributes:
        identifier: AWS's name of the data identifier that masks the secret.
        secret: The secret.
        text: The sentence, with a keyword where the identifier needs one.
    """

    identifier: str
    secret: str
    text: str


def masking_samples() -> tuple[MaskingSample, ...]:
    """Make a sample of each kind: a private key, a card, a bank account, a national number."""
    return (
        MaskingSample(
            "PkcsPrivateKey",
            _KEY_BODY,
            f"The key is -----BEGIN PRIVATE KEY-----\n{_KEY_BODY}\n-----END PRIVATE KEY-----",
        ),
        MaskingSample("CreditCardNumber", _CARD, f"The credit card is {_CARD}."),
        MaskingSample("BankAccountNumber-DE", _IBAN, f"The IBAN is {_IBAN}."),
        MaskingSample("CpfCode-BR", "529.982.247-25", "The CPF is 529.982.247-25."),
    )


def masking_prompt() -> str:
    """Write a prompt with all samples, and with texts that stay as they are."""
    samples = "\n".join(sample.text for sample in masking_samples())
    return f"Answer with the word yes.\n{samples}\nSigned: {', '.join(_KEPT)}."


def find_masking_errors(message: str) -> Iterator[str]:
    """Describe what is wrong with the log record of a call with `masking_prompt`.

    Args:
        message: The log event as CloudWatch Logs returns it without `unmask`.
    """
    for sample in masking_samples():
        if sample.secret in message:
            yield f"{sample.identifier} is not masked"
    for text in _KEPT:
        if text not in message:
            yield f"{text} is masked or missing"
