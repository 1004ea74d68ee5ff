"""What engine ``aot`` refuses of matrix products."""

from tests.aot.batch_matmul import batch_matmul
from tests.aot.refusals import (
    HALF,
    Operators,
    any_quantized,
    inputs,
    option,
    refusal_tests,
    replaced,
    tensor,
    weights,
)

NAME = "BATCH_MATMUL"
OPERATORS: Operators = {
    NAME: lambda b, x: batch_matmul(b, x, b.constant(weights(1, 5, 2, 3), HALF), HALF)
}

test_matrix_products_are_accepted, test_others_are_refused = refusal_tests(
    OPERATORS,
    [
        *any_quantized(OPERATORS),
        (NAME, "do not fit", option("adjX", True)),
        (NAME, "do not fit", option("adjY", True)),
        (NAME, "cannot be broadcast", replaced(1, weights(1, 3, 2, 3), HALF)),
        (NAME, "of rank 2 to 5", replaced(1, weights(2), HALF)),
        (NAME, "per channel", tensor(1, scale=[1, 2], zeroPoint=[0, 0])),
        (NAME, "constant inputs", inputs(lambda i: [i[1], i[1]])),
        (NAME, "scale ratio", tensor(1, scale=[1e20])),
    ],
)
