"""The kinds of secrets that CloudWatch Logs masks in logged prompts and completions.

CloudWatch Logs masks text for subscription filters too, so a mask in the wrong place would change
what is counted. The list has private keys, and data that AWS finds only near a keyword and that has
a form which nothing else in a record has. It leaves out

- e-mail addresses, IP addresses and names: an identity may be one;
- numbers that are as short as a count of tokens, or as long as an account id, a session name of an
  SDK or an instance id: `CreditCardSecurityCode`, `BankAccountNumber-US`, `Ssn-ES`, `InseeCode-FR`,
  `NhsNumber-GB`, `VehicleIdentificationNumber` and others.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
"""

from __future__ import annotations

MASKED_IDENTIFIERS = (
    "AwsSecretKey",
    "OpenSshPrivateKey",
    "PgpPrivateKey",
    "PkcsPrivateKey",
    "PuttyPrivateKey",
    "BankAccountNumber-DE",
    "BankAccountNumber-ES",
    "BankAccountNumber-FR",
    "BankAccountNumber-GB",
    "BankAccountNumber-IT",
    "CreditCardNumber",
    "Cnpj-BR",
    "CpfCode-BR",
    "IndividualTaxIdentificationNumber-US",
    "NationalIdentificationNumber-ES",
    "NationalIdentificationNumber-IT",
    "NationalInsuranceNumber-GB",
    "NieNumber-ES",
    "NifNumber-ES",
    "SocialInsuranceNumber-CA",
    "Ssn-US",
    "TaxId-DE",
)
"""AWS's names of the identifiers in the data protection policy."""
