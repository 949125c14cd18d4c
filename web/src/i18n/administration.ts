// Adds the sentences of the pages of administration to the catalogue.
import { administrationDe } from "./administration.de";
import { administrationEn } from "./administration.en";
import { extend } from "./index";

extend({ en: administrationEn, de: administrationDe });
