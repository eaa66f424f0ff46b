import { type Grammar, grammar as compileGrammar } from "ohm-js";

/**
 * The syntax of the formula language. A chain of operators is read flat, and `parse.ts` nests it by the precedence that
 * the table of functions gives each operator: fewer rules inside each other leave more of the stack for parentheses.
 */
const source = String.raw`
  Formula {
    Choice  = Chain ("?" Choice ":" Choice)?
    Chain   = Operand (infix Operand)*
    Operand = prefix* Primary
    Primary = "(" Choice ")"                                -- parentheses
            | number
            | identifier "(" ListOf<Choice, ","> ")"        -- call
            | identifier "[" rowIndex ("," component)? "]"  -- element
            | identifier                                    -- name

    infix  = "||" | "&&" | "<=" | ">=" | "==" | "!=" | "<" | ">" | "+" | "-" | "*" | "/" | "%" | "^"
    prefix = "-" | "!"

    rowIndex (i or j) = ("i" | "j") ~wordPart
    component (the number of a component) = digit+ ~wordPart
    number (a number) = mantissa exponent? ~wordPart
    mantissa = digit+ "." digit*  -- mixed
             | digit+             -- whole
             | "." digit+         -- fraction
    exponent = ("e" | "E") ("+" | "-")? digit+
    identifier (a name) = wordStart wordPart*
    wordStart = "a".."z" | "A".."Z" | "_"
    wordPart = wordStart | digit
    space := " " | "\t" | "\r" | "\n"
  }
`;

/** The grammar of the formula language, compiled. */
export const grammar: Grammar = compileGrammar(source);
