import { type Grammar, grammar as compileGrammar } from "ohm-js";

/**
 * The syntax of the formula language, loosest binding first. `-x ^ 2` is `-(x ^ 2)`, `2 ^ -x` and `a ^ b ^ c` read as
 * usual, and comparisons do not chain.
 */
const source = String.raw`
  Formula {
    Formula = Choice

    Choice  = Or "?" Choice ":" Choice  -- select
            | Or
    Or      = Or "||" And               -- binary
            | And
    And     = And "&&" Compare          -- binary
            | Compare
    Compare = Sum comparison Sum        -- binary
            | Sum
    Sum     = Sum ("+" | "-") Product   -- binary
            | Product
    Product = Product ("*" | "/" | "%") Unary  -- binary
            | Unary
    Unary   = ("-" | "!") Unary         -- prefix
            | Power
    Power   = Primary "^" Unary         -- binary
            | Primary
    Primary = "(" Choice ")"                                -- parentheses
            | number
            | identifier "(" ListOf<Choice, ","> ")"        -- call
            | identifier "[" rowIndex ("," component)? "]"  -- element
            | identifier                                    -- name

    comparison = "<=" | ">=" | "==" | "!=" | "<" | ">"
    rowIndex (i or j) = ("i" | "j") ~wordPart
    component (the number of a component) = digit+ ~wordPart
    number (a number)
      = mantissa exponent? ~wordPart
    mantissa = digit+ "." digit*  -- mixed
             | digit+             -- whole
             | "." digit+         -- fraction
    exponent = ("e" | "E") ("+" | "-")? digit+
    identifier (a name) = wordStart wordPart*
    wordStart = "a".."z" | "A".."Z" | "_"
    wordPart = wordStart | digit
  }
`;

/** The grammar of the formula language, compiled. */
export const grammar: Grammar = compileGrammar(source);
